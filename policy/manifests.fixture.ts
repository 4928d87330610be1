import { z } from 'zod';
import type { ActionAnnotations, ActionManifest, ActionName, Json } from '../core/index.ts';
import { loadPolicies } from './load-policies.ts';
import type { PolicySet } from './load-policies.ts';
import type { PolicyCall } from './judge.ts';

const READS: ActionAnnotations = { readOnly: true, destructive: false, idempotent: true, openWorld: false };
const WRITES: ActionAnnotations = { readOnly: false, destructive: false, idempotent: false, openWorld: false };

export interface ManifestParts {
  readonly input?: z.ZodType;
  readonly facts?: z.ZodType;
  readonly annotations?: Partial<ActionAnnotations>;
  readonly editable?: readonly string[];
}

/** A manifest as `registerActions` makes it. Without parts: an action without arguments that writes. */
export function manifest(action: ActionName, parts: ManifestParts = {}): ActionManifest {
  const schema = (type: z.ZodType, io: 'input' | 'output') => JSON.parse(JSON.stringify(z.toJSONSchema(type, { io }))) as Json;
  return {
    action,
    summary: `Does ${action}`,
    annotations: { ...WRITES, ...parts.annotations },
    input: schema(parts.input ?? z.strictObject({}), 'input'),
    output: schema(z.null(), 'output'),
    facts: parts.facts === undefined ? null : schema(parts.facts, 'output'),
    secrets: [],
    editable: parts.editable ?? [],
    timeout: 60_000,
  };
}

/** The actions of the examples, as far as policies see them. */
export const MANIFESTS: readonly ActionManifest[] = [
  manifest('git.log', { annotations: READS }),
  manifest('git.status', { annotations: READS }),
  manifest('git.latestTag', { annotations: READS }),
  manifest('git.commit', {
    input: z.strictObject({ message: z.string(), paths: z.array(z.string()) }),
    facts: z.strictObject({ branch: z.string(), parent: z.string().optional(), tree: z.string() }),
  }),
  manifest('git.tag', { input: z.strictObject({ name: z.string(), commit: z.string().optional() }) }),
  manifest('git.push', {
    input: z.strictObject({ remote: z.string(), ref: z.string() }),
    annotations: { openWorld: true },
    editable: ['ref'],
    facts: z.strictObject({
      remoteUrl: z.string(),
      ref: z.string(),
      objectId: z.string(),
      commit: z.string(),
      oldRef: z.string().optional(),
    }),
  }),
  manifest('files.read', { input: z.strictObject({ path: z.string() }), annotations: READS }),
  manifest('files.list', { input: z.strictObject({ path: z.string() }), annotations: READS }),
  manifest('files.write', {
    input: z.strictObject({ path: z.string(), content: z.string() }),
    annotations: { destructive: true },
    editable: ['content'],
    facts: z.strictObject({ path: z.string(), before: z.string().optional() }),
  }),
  manifest('http.get', { input: z.strictObject({ url: z.url() }), annotations: { ...READS, openWorld: true } }),
  manifest('http.post', { input: z.strictObject({ url: z.url(), body: z.string() }), annotations: { openWorld: true } }),
  manifest('demo.ask', { input: z.strictObject({ question: z.string() }) }),
  manifest('math.add', { input: z.object({ count: z.int(), note: z.string().optional(), price: z.number().optional() }) }),
];

/** What a push resolves. */
export const FACTS = { remoteUrl: 'https://git.example.com/product.git', ref: 'refs/tags/v1.2.0', objectId: 'beef', commit: 'c0ffee' };

export const GROUPS = { 'release-managers': ['person:ada', 'person:bo'], operators: ['person:op'], nobody: [] };

/** One file, `test.cedar`, over the actions of the examples. */
export function load(text: string, manifests: readonly ActionManifest[] = MANIFESTS): PolicySet {
  return loadPolicies({ sources: [{ file: 'test.cedar', text }], manifests, groups: GROUPS });
}

/** A push by `release-bot`, unless stated otherwise. */
export function callOf(parts: Partial<PolicyCall> = {}): PolicyCall {
  return {
    agent: 'release-bot',
    action: 'git.push',
    input: { remote: 'origin', ref: 'refs/tags/v1.2.0' },
    facts: FACTS,
    run: { workflow: 'release', requesters: ['person:cy'], labels: { team: 'core' } },
    ...parts,
  };
}
