import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { canonical } from '../core/index.ts';
import type { ActionManifest, Hold, Json, Requirement } from '../core/index.ts';
import { checkEdit, checkResult, editableFields } from './edits.ts';

const inputSchema = z.strictObject({
  repo: z.string(),
  tag: z.string().regex(/^v\d+$/),
  count: z.number().int().min(1).max(10),
  token: z.string(),
  auth: z.object({ password: z.string() }),
  note: z.string().optional(),
});
const manifest: ActionManifest = {
  action: 'git.push',
  summary: 'Push',
  annotations: { readOnly: false, destructive: false, idempotent: true, openWorld: true },
  input: z.toJSONSchema(inputSchema, { io: 'input' }) as Json,
  output: z.toJSONSchema(z.strictObject({ ref: z.string() })) as Json,
  facts: null,
  secrets: ['token', 'auth.password'],
  editable: ['tag', 'count', 'note', 'token', 'auth'],
  timeout: 60_000,
};
const sent = canonical({ repo: 'r', tag: 'v1', count: 1, token: 'secret:T', auth: { password: 'secret:P' } });

function requirement(edits: readonly string[], policy = 'release-tag'): Requirement {
  return { policy, reason: 'A tag', approvers: 'managers', quorum: 1, deadline: 1, valid: 1, severity: 'medium', edits };
}

function hold(rest: Partial<Hold> = {}): Hold {
  return {
    id: 'hold-a',
    run: 'run-a',
    key: '/1' as Hold['key'],
    kind: 'approval',
    state: { kind: 'open' },
    version: 1,
    digest: null,
    reason: 'A tag',
    requires: [requirement(['tag', 'count', 'note', 'token', 'auth'])],
    policySet: 'p',
    shown: { title: 't', fields: [], evidence: [] },
    openedAt: 0,
    decideBy: null,
    edit: null,
    result: null,
    ...rest,
  };
}

function refusal(code: string, message?: RegExp): object {
  return expect.objectContaining(
    message === undefined ? { name: 'Refusal', code } : { name: 'Refusal', code, message: expect.stringMatching(message) as string },
  );
}

function edit(changes: Json, rest: Partial<Hold> = {}): string {
  return checkEdit({ hold: hold(rest), input: sent, manifest, changes });
}

describe('an edit', () => {
  it('is stored as the canonical text of the changed fields', () => {
    expect(edit({ tag: 'v2', count: 3 })).toBe('{"count":3,"tag":"v2"}');
  });

  it('keeps what an earlier edit changed, since that is what the approver saw', () => {
    const earlier = { version: 2, by: 'person:ada', changes: canonical({ count: 7, tag: 'v9' }) };
    expect(edit({ tag: 'v2' }, { edit: earlier })).toBe('{"count":7,"tag":"v2"}');
    expect(() => edit({ count: 7 }, { edit: earlier })).toThrowError(refusal('edit_invalid', /changes nothing/));
  });

  it('may add an optional field', () => {
    expect(edit({ note: 'ok' })).toBe('{"note":"ok"}');
  });

  it('is refused for a field that the action does not declare editable', () => {
    expect(() => edit({ repo: 'x' })).toThrowError(refusal('edit_not_allowed', /"repo" editable/));
    expect(() => edit({ 'tag.deep': 'x' })).toThrowError(refusal('edit_not_allowed'));
    expect(() => edit({ tag: 'v2', repo: 'x' })).toThrowError(refusal('edit_not_allowed'));
  });

  it('is refused for a field that one of the asking policies does not list', () => {
    const requires = [requirement(['tag', 'count']), requirement(['tag'], 'second')];
    expect(edit({ tag: 'v2' }, { requires })).toBe('{"tag":"v2"}');
    expect(() => edit({ count: 2 }, { requires })).toThrowError(refusal('edit_not_allowed', /"second"/));
    expect(() => edit({ tag: 'v2' }, { requires: [] })).toThrowError(refusal('edit_not_allowed'));
  });

  it('is refused for a secret field, also where policy and action allow it', () => {
    expect(() => edit({ token: 'secret:U' })).toThrowError(refusal('edit_not_allowed', /secret/));
    expect(() => edit({ auth: { password: 'secret:U' } })).toThrowError(refusal('edit_not_allowed', /secret/));
    expect(editableFields(hold(), manifest)).toEqual(['tag', 'count', 'note']);
  });

  it('is refused where the merged input breaks the schema, and the message names field and rule', () => {
    expect(() => edit({ count: 11 })).toThrowError(refusal('edit_invalid', /"count" must be <= 10.*"count":11/));
    expect(() => edit({ tag: 'latest' })).toThrowError(refusal('edit_invalid', /"tag" must match pattern/));
    expect(() => edit({ tag: null })).toThrowError(refusal('edit_invalid'));
  });

  it('is refused where it is no object, is empty, or says what JSON cannot', () => {
    for (const changes of [null, 'tag', ['tag'], {}, { tag: 'v1' }] as Json[])
      expect(() => edit(changes)).toThrowError(refusal('edit_invalid'));
    expect(() => edit(JSON.parse('{"__proto__": {"tag": "v2"}}') as Json)).toThrowError(refusal('json_unrepresentable'));
    expect(() => edit({ tag: '\ud800' })).toThrowError(refusal('json_unrepresentable'));
  });

  it('is refused on every hold that is no approval', () => {
    for (const kind of ['breaker', 'unknown-outcome', 'diverged'] as const) {
      expect(() => edit({ tag: 'v2' }, { kind })).toThrowError(refusal('edit_not_allowed'));
    }
  });

  it('never stores a field outside what may be edited, whatever is asked', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 4 }), (changes) => {
        let stored: string;
        try {
          stored = edit(changes as Json);
        } catch (error) {
          expect(error).toMatchObject({ name: 'Refusal' });
          return;
        }
        expect(Object.keys(JSON.parse(stored) as object).every((field) => ['tag', 'count', 'note'].includes(field))).toBe(true);
      }),
    );
  });

  it('names the action whose published schema cannot be read', () => {
    const broken = { ...manifest, input: { type: 'wrong' } };
    expect(() => checkEdit({ hold: hold(), input: sent, manifest: broken, changes: { tag: 'v2' } })).toThrowError(
      refusal('manifest_unusable', /git\.push/),
    );
  });
});

describe('a vouched result', () => {
  it('satisfies the declared output', () => {
    expect(() => checkResult(manifest, { ref: 'refs/tags/v1' })).not.toThrow();
    expect(() => checkResult(manifest, { ref: 1 })).toThrowError(refusal('result_invalid', /"ref" must be string/));
    expect(() => checkResult(manifest, { ref: 'r', more: true })).toThrowError(refusal('result_invalid', /"more"/));
  });
});
