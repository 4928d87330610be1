import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ActionManifest } from '../core/index.ts';
import { describeLedgers, shiftClock } from '../test/ledgers.ts';
import { ask, askHeld, heldRequest, says, sampleRun } from '../test/sample-run.ts';
import {
  appendInstallationAudit,
  bindNamespace,
  createToken,
  decideHold,
  deliveryAgain,
  deliveryDone,
  dueDeliveries,
  findPolicySet,
  findResponse,
  findToken,
  getBlob,
  listAudit,
  listManifests,
  listTokens,
  migrate,
  publishManifests,
  publishPolicySet,
  putBlob,
  readInstallation,
  rememberResponse,
  revokeToken,
  verifyAudit,
} from './index.ts';
import type { Database } from './index.ts';

describeLedgers('what else the ledger keeps', (open) => {
  let db: Database;
  beforeAll(async () => {
    db = await open();
    await migrate(db);
  });

  describe('deliveries', () => {
    const wake = async () => {
      const run = await sampleRun(db);
      const subject = await askHeld(db, run, heldRequest('/1'));
      await decideHold(db, subject, says());
      return { run, subject };
    };
    const due = async (subject: string) => (await dueDeliveries(db, 1_000)).find((delivery) => delivery.subject === subject);

    it('are handed out to one, and again when their time is over', async () => {
      const { subject } = await wake();
      expect(await due(subject)).toMatchObject({ desired: 1, tries: 1 });
      expect(await due(subject)).toBeUndefined();
      await shiftClock(db, 31_000);
      expect(await due(subject)).toMatchObject({ desired: 1, tries: 2 });
    });

    it('are over when done, and due when they shall be tried again', async () => {
      const { subject } = await wake();
      const first = await due(subject);
      await deliveryAgain(db, first!, 5_000, 'no answer');
      expect(await due(subject)).toBeUndefined();
      await shiftClock(db, 5_001);
      const second = await due(subject);
      expect(second).toMatchObject({ tries: 2 });
      await deliveryDone(db, second!);
      await shiftClock(db, 60_000);
      expect(await due(subject)).toBeUndefined();
    });

    it('stay due when something newer was desired in the meantime', async () => {
      const { run, subject } = await wake();
      const first = await due(subject);
      await db.query('UPDATE deliveries SET desired = desired + 1, due_at = 0, tries = 0 WHERE subject = $1', [subject]);
      await deliveryDone(db, first!);
      expect(await due(subject)).toEqual({ kind: 'wake', subject, run, desired: 2, tries: 1 });
    });

    it('are shared by those who ask at once', async () => {
      const subjects = [await wake(), await wake(), await wake()].map((one) => one.subject);
      const shares = await Promise.all([1, 2, 3, 4].map(() => dueDeliveries(db, 2)));
      const handed = shares.flat().map((delivery) => delivery.subject);
      expect(new Set(handed).size).toBe(handed.length);
      const rest = await dueDeliveries(db, 1_000);
      for (const subject of subjects) expect([...handed, ...rest.map((delivery) => delivery.subject)]).toContain(subject);
    });

    it('wake the others when a claim finds the hold to be over for which they wait', async () => {
      const run = await sampleRun(db);
      const hold = await askHeld(db, run, heldRequest('/1'));
      await db.query(`UPDATE calls SET waiting_for = $2 WHERE run = $1`, [run, hold]);
      await db.query(
        `INSERT INTO calls SELECT run, '/9', action, args_digest, digest, input, facts, idempotent, workflow_id, run_id, attempts, claimed_at, used_grant,
          spend, state, token, lease_until, reserved, detail, waiting_for, verdict, observed, asked_at, changed_at FROM calls WHERE run = $1 AND key = '/1'`,
        [run],
      );
      await ask(db, run, heldRequest('/1', { args: { other: true } }));
      expect(await due(hold)).toMatchObject({ kind: 'wake', run });
    });
  });

  it('belongs to the first Temporal namespace that asks', async () => {
    expect((await readInstallation(db)).temporalNamespaceId).toBeNull();
    expect([await bindNamespace(db, 'ns-1'), await bindNamespace(db, 'ns-1'), await bindNamespace(db, 'ns-2')]).toEqual([
      true,
      true,
      false,
    ]);
    expect(await readInstallation(db)).toMatchObject({ id: expect.stringMatching(/^[0-9a-f-]{36}$/), temporalNamespaceId: 'ns-1' });
  });

  it("records every change of policies in the installation's chain, and only changes", async () => {
    const before = (await verifyAudit(db, 'installation')).rows;
    await publishPolicySet(db, { hash: 'h1', text: 'permit (…)' });
    await publishPolicySet(db, { hash: 'h1', text: 'permit (…)' });
    await publishPolicySet(db, { hash: 'h2', text: 'forbid (…)' });
    await publishPolicySet(db, { hash: 'h1', text: 'permit (…)' });
    const rows = await listAudit(db, 'installation', { after: before, limit: 99 });
    expect(rows.map((row) => JSON.parse(row.text).body)).toEqual([
      { from: null, to: 'h1' },
      { from: 'h1', to: 'h2' },
      { from: 'h2', to: 'h1' },
    ]);
    expect((await readInstallation(db)).policySet).toBe('h1');
    expect([await findPolicySet(db, 'h2'), await findPolicySet(db, 'h9')]).toEqual(['forbid (…)', null]);
  });

  it('keeps one chain for the installation, also when many add to it at once', async () => {
    const before = (await verifyAudit(db, 'installation')).rows;
    await Promise.all(Array.from({ length: 20 }, (_, index) => appendInstallationAudit(db, { kind: 'call.rejected', body: { index } })));
    expect(await verifyAudit(db, 'installation')).toEqual({ rows: before + 20, brokenAt: null });
    expect(await listAudit(db, 'installation', { after: before + 18, limit: 1 })).toMatchObject([{ seq: before + 19 }]);
  });

  it('publishes manifests; the last word on an action counts', async () => {
    const manifest = (action: string, summary: string): ActionManifest => ({
      action,
      summary,
      annotations: { readOnly: true, destructive: false, idempotent: true, openWorld: false },
      input: {},
      output: {},
      facts: null,
      secrets: [],
      editable: [],
      timeout: 60_000,
    });
    await publishManifests(db, [manifest('git.push', 'Push'), manifest('files.read', 'Read')]);
    await Promise.all([publishManifests(db, [manifest('git.push', 'Push a tag')]), publishManifests(db, [])]);
    expect((await listManifests(db)).map(({ action, summary }) => [action, summary])).toEqual([
      ['files.read', 'Read'],
      ['git.push', 'Push a tag'],
    ]);
  });

  it('keeps texts under their own hash, and nothing under a wrong one', async () => {
    const body = `ü ✓ ${'x'.repeat(100_000)}`;
    const sha256 = createHash('sha256').update(body).digest('hex');
    await putBlob(db, sha256, body);
    await putBlob(db, sha256, body);
    expect(await getBlob(db, sha256)).toBe(body);
    expect(await getBlob(db, 'none')).toBeNull();
    await expect(putBlob(db, 'a'.repeat(64), body)).rejects.toMatchObject({ code: 'invariant_broken' });
  });

  it('knows a token until it is revoked, and records both', async () => {
    const token = { id: 'token-1', hash: 'hash-1', principal: 'person:ada', kind: 'person', name: 'laptop', by: 'person:grace' } as const;
    const made = await createToken(db, token);
    expect(made).toEqual({
      id: 'token-1',
      principal: 'person:ada',
      kind: 'person',
      name: 'laptop',
      owner: 'person:grace',
      createdAt: expect.any(Number),
      revokedAt: null,
    });
    expect(await createToken(db, token)).toEqual(made);
    expect(await createToken(db, { ...token, id: 'token-2' })).toBeNull();
    expect(await findToken(db, 'hash-1')).toEqual(made);
    expect([await revokeToken(db, 'token-1', 'person:grace'), await revokeToken(db, 'token-1'), await revokeToken(db, 'token-9')]).toEqual([
      true,
      false,
      false,
    ]);
    expect(await findToken(db, 'hash-1')).toBeNull();
    expect(await listTokens(db)).toMatchObject([{ id: 'token-1', revokedAt: expect.any(Number) }]);
    const rows = await listAudit(db, 'installation', { after: 0, limit: 999 });
    expect(rows.map((row) => JSON.parse(row.text).kind).filter((kind: string) => kind.startsWith('token'))).toEqual([
      'token.created',
      'token.revoked',
    ]);
    expect(rows.some((row) => row.text.includes('hash-1'))).toBe(false);
  });

  it('remembers the first answer to a request for a day', async () => {
    const first = { key: 'k', requestHash: 'h', status: 201, body: { id: 'run-1', text: 'NUL \u0000' } };
    await rememberResponse(db, first);
    await rememberResponse(db, { ...first, status: 500 });
    expect(await findResponse(db, 'k')).toEqual({ requestHash: 'h', status: 201, body: first.body });
    await shiftClock(db, 24 * 3_600_000 + 1);
    expect(await findResponse(db, 'k')).toBeNull();
    await rememberResponse(db, { ...first, status: 200, body: undefined });
    expect(await findResponse(db, 'k')).toEqual({ requestHash: 'h', status: 200, body: null });
  });
});
