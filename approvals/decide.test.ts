import { beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import type { ActionManifest, HoldId, Json, RunId } from '../core/index.ts';
import { findHold, findRun, findVotes, migrate, publishManifests } from '../ledger/index.ts';
import type { Database } from '../ledger/index.ts';
import { describeLedgers } from '../test/ledgers.ts';
import { ONE_APPROVER, ask, askHeld, heldRequest, sampleRequest, sampleRun, tell } from '../test/sample-run.ts';
import { openFreshLedger } from '../test/temporal-lab.ts';
import { decide } from './decide.ts';
import type { DecideAsk, DecideDeps, Decider, Decision } from './decide.ts';
import { createDirectory } from './people.ts';

const directory = createDirectory({
  people: { ada: {}, grace: {}, linus: {}, mallory: {} },
  groups: { 'release-managers': ['ada', 'grace', 'linus'], operators: ['grace'] },
});
const manifest: ActionManifest = {
  action: 'git.push',
  summary: 'Push',
  annotations: { readOnly: false, destructive: false, idempotent: true, openWorld: true },
  input: z.toJSONSchema(z.strictObject({ tag: z.string().regex(/^v\d+$/), remote: z.string() })) as Json,
  output: z.toJSONSchema(z.strictObject({ ref: z.string() })) as Json,
  facts: null,
  secrets: [],
  editable: ['tag', 'remote'],
  timeout: 60_000,
};
const grace: Decider = { principal: 'person:grace', kind: 'person' };
const linus: Decider = { principal: 'person:linus', kind: 'person' };

describeLedgers('a decision', (open) => {
  let db: Database;
  let deps: DecideDeps;
  beforeAll(async () => {
    db = await open();
    await migrate(db);
    await publishManifests(db, [manifest]);
    deps = { db, directory, storeResult: async (result) => await Promise.resolve({ kind: 'inline', payload: JSON.stringify(result) }) };
  });

  async function held(quorum = 1): Promise<{ run: RunId; hold: HoldId }> {
    const run = await sampleRun(db);
    const requires = [{ ...ONE_APPROVER, quorum }];
    const request = heldRequest('/1', {
      args: { tag: 'v1', remote: 'origin' },
      ruling: { kind: 'requires', requires, policies: ['release-tag'], policySet: 'set' },
    });
    return { run, hold: await askHeld(db, run, request) };
  }

  function say(who: Decider, hold: HoldId, changes: Partial<DecideAsk> = {}): Promise<Decision> {
    return decide(deps, who, { hold, choice: 'approve', seenVersion: 1, note: null, raise: null, edit: null, ...changes });
  }

  it('grants when an eligible person approves what they saw', async () => {
    const { hold } = await held();
    const decision = await say(grace, hold);
    expect(decision.hold.state).toMatchObject({ kind: 'granted', by: ['person:grace'], choice: 'approve' });
    expect(decision.vote).toMatchObject({ person: 'person:grace', version: 1 });
    expect((await findHold(db, hold))?.state.kind).toBe('granted');
  });

  it('is never made by a machine, nor with an agent for a person', async () => {
    const { hold } = await held();
    for (const who of [
      { principal: 'person:grace', kind: 'machine' },
      { principal: 'agent:grace', kind: 'person' },
    ] as const) {
      await expect(say(who, hold)).rejects.toMatchObject({ name: 'Refusal', kind: 'refused', code: 'machine_cannot_decide' });
    }
    expect(await findVotes(db, hold)).toEqual([]);
  });

  it('needs a hold that exists', async () => {
    await expect(say(grace, 'hold-nobody')).rejects.toMatchObject({ name: 'Refusal', kind: 'not_found', code: 'hold_unknown' });
  });

  it('is refused to the requester, to strangers, and to people without a place in the directory', async () => {
    const { hold } = await held();
    await expect(say({ principal: 'person:ada', kind: 'person' }, hold)).rejects.toMatchObject({
      code: 'requester_decides',
      kind: 'refused',
    });
    for (const name of ['mallory', 'nobody']) {
      await expect(say({ principal: `person:${name}`, kind: 'person' }, hold)).rejects.toMatchObject({
        code: 'not_eligible',
        kind: 'refused',
      });
    }
    expect((await findHold(db, hold))?.state.kind).toBe('open');
  });

  it('waits for its quorum, and a person counts once', async () => {
    const { hold } = await held(2);
    expect((await say(grace, hold)).hold.state.kind).toBe('open');
    await expect(say(grace, hold)).rejects.toMatchObject({ code: 'already_voted', kind: 'conflict' });
    expect((await say(linus, hold)).hold.state).toMatchObject({ kind: 'granted', by: ['person:grace', 'person:linus'] });
  });

  it('stands: whoever comes later is told of it', async () => {
    const { hold } = await held();
    await say(grace, hold, { choice: 'deny', note: 'not today' });
    await expect(say(linus, hold)).rejects.toMatchObject({ code: 'hold_closed', kind: 'conflict' });
  });

  it('with changes makes a new version that others must look at again', async () => {
    const { hold } = await held(2);
    const edited = await say(grace, hold, { edit: { tag: 'v2' } });
    expect(edited.hold).toMatchObject({ version: 2, edit: { changes: '{"tag":"v2"}', by: 'person:grace' }, state: { kind: 'open' } });
    await expect(say(linus, hold)).rejects.toMatchObject({ code: 'hold_changed', kind: 'conflict' });
    expect((await say(linus, hold, { seenVersion: 2 })).hold.state).toMatchObject({
      kind: 'granted',
      by: ['person:grace', 'person:linus'],
    });
  });

  it('with changes that nobody may make, or that break the schema, writes nothing', async () => {
    const { hold } = await held();
    await expect(say(grace, hold, { edit: { remote: 'evil' } })).rejects.toMatchObject({ code: 'edit_not_allowed' });
    await expect(say(grace, hold, { edit: { tag: 'latest' } })).rejects.toMatchObject({ code: 'edit_invalid' });
    await expect(say(grace, hold, { choice: 'deny', note: 'no', edit: { tag: 'v2' } })).rejects.toMatchObject({ code: 'choice_mismatch' });
    expect(await findHold(db, hold)).toMatchObject({ version: 1, edit: null, votes: [] });
  });

  it('with changes counts only for the version that they were checked against', async () => {
    const { hold } = await held(2);
    const [first, second] = await Promise.allSettled([
      say(grace, hold, { edit: { tag: 'v2' } }),
      say(linus, hold, { edit: { tag: 'v3' } }),
    ]);
    expect([first.status, second.status].toSorted()).toEqual(['fulfilled', 'rejected']);
    expect((await findHold(db, hold))?.version).toBe(2);
  });

  it('with changes needs the action to be published', async () => {
    const { hold } = await held();
    const unpublished: DecideDeps = { ...deps, manifests: async () => await Promise.resolve([]) };
    const ask: DecideAsk = { hold, choice: 'approve', seenVersion: 1, note: null, raise: null, edit: { tag: 'v2' } };
    await expect(decide(unpublished, grace, ask)).rejects.toMatchObject({ code: 'action_unpublished' });
  });

  it('has one winner, however many decide at once', async () => {
    const { hold } = await held();
    const deny = { choice: 'deny', note: 'no' } as const;
    const sayings = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) => say(n % 2 === 0 ? grace : linus, hold, n % 4 < 2 ? {} : deny)),
    );
    expect(sayings.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await findVotes(db, hold)).toHaveLength(1);
  });

  it('on an unknown outcome takes a result that the action could have returned, and only that', async () => {
    const run = await sampleRun(db);
    const request = sampleRequest('/1', { idempotent: false });
    await ask(db, run, request);
    await tell(db, run, request, { kind: 'unknown', spend: 0 as never, error: 'timed out' });
    const hold = await askHeld(db, run, sampleRequest('/1', { idempotent: false }));
    await expect(say(grace, hold, { choice: 'succeeded', result: { ref: 7 } })).rejects.toMatchObject({ code: 'result_invalid' });
    await expect(say(grace, hold, { choice: 'succeeded' })).rejects.toMatchObject({ code: 'result_required' });
    const decision = await say(grace, hold, { choice: 'succeeded', result: { ref: 'refs/tags/v1' } });
    expect(decision.hold).toMatchObject({
      state: { kind: 'granted', choice: 'succeeded' },
      result: { kind: 'inline', payload: '{"ref":"refs/tags/v1"}' },
    });
  });

  it('on a breaker raises or kills, and takes no result', async () => {
    const run = await sampleRun(db, { steps: 1 });
    const request = sampleRequest('/1');
    await ask(db, run, request);
    const hold = await askHeld(db, run, sampleRequest('/2'));
    await expect(say(grace, hold, { choice: 'raise', raise: { steps: 2 }, result: null })).rejects.toMatchObject({
      code: 'choice_mismatch',
    });
    await say(grace, hold, { choice: 'raise', raise: { steps: 2 } });
    expect((await findRun(db, run))?.limits.steps).toBe(3);
  });
});

it('a decision is refused as unreachable where the ledger is away', async () => {
  const db = await openFreshLedger();
  await db.close();
  const deps: DecideDeps = { db, directory, storeResult: async () => await Promise.reject(new Error('not asked')) };
  const ask: DecideAsk = { hold: 'hold-a', choice: 'approve', seenVersion: 1, note: null, raise: null, edit: null };
  await expect(decide(deps, grace, ask)).rejects.toMatchObject({ name: 'Refusal', kind: 'unreachable', code: 'ledger_away' });
});
