import { beforeAll, describe, expect, it } from 'vitest';
import { expireHold } from '../core/index.ts';
import type { Micros } from '../core/index.ts';
import { describeLedgers, shiftClock } from '../test/ledgers.ts';
import { ask, askHeld, heldRequest, ONE_APPROVER, says, sampleRequest, sampleRun } from '../test/sample-run.ts';
import {
  decideHold,
  dueDeliveries,
  expireHolds,
  findHold,
  findRun,
  findVotes,
  isAnswered,
  listHolds,
  migrate,
  verifyAudit,
  withdrawCall,
} from './index.ts';
import type { Database } from './index.ts';

describeLedgers('holds in the ledger', (open) => {
  let db: Database;
  beforeAll(async () => {
    db = await open();
    await migrate(db);
  });

  describe('decide', () => {
    it('writes vote, state, wake and audit together', async () => {
      const run = await sampleRun(db);
      const hold = await askHeld(db, run, heldRequest('/1'));
      expect(await decideHold(db, hold, says())).toMatchObject({ kind: 'accepted' });
      expect(await findHold(db, hold)).toMatchObject({
        state: { kind: 'granted', by: ['person:grace'], choice: 'approve' },
        votes: [{ person: 'person:grace', version: 1 }],
        action: 'git.push',
        input: '{"key":"/1"}',
      });
      expect(await findRun(db, run)).toMatchObject({ openHolds: 0, waitingSince: null });
      expect(await dueDeliveries(db, 1_000)).toContainEqual({ kind: 'wake', subject: hold, run, desired: 1, tries: 1 });
      expect(await verifyAudit(db, run)).toEqual({ rows: 3, brokenAt: null });
    });

    it('answers null for a hold that is not there', async () => {
      expect(await decideHold(db, 'hold-none', says())).toBeNull();
    });

    it('writes nothing when the decision is refused', async () => {
      const run = await sampleRun(db);
      const hold = await askHeld(db, run, heldRequest('/1'));
      expect(await decideHold(db, hold, says({ person: 'person:ada' }))).toMatchObject({
        kind: 'refused',
        refusal: { code: 'requester_decides' },
      });
      expect(await findVotes(db, hold)).toEqual([]);
      expect(await findHold(db, hold)).toMatchObject({ state: { kind: 'open' } });
    });

    it('writes that the clock closed it, though the decision is refused', async () => {
      const run = await sampleRun(db);
      const hold = await askHeld(db, run, heldRequest('/1'));
      await shiftClock(db, 3_700_000);
      expect(await decideHold(db, hold, says())).toMatchObject({ kind: 'refused', refusal: { code: 'hold_expired' } });
      expect(await findHold(db, hold)).toMatchObject({ state: { kind: 'expired' } });
      expect(await findRun(db, run)).toMatchObject({ openHolds: 0 });
      expect(await dueDeliveries(db, 1_000)).toContainEqual(expect.objectContaining({ kind: 'wake', subject: hold }));
    });

    it('stores an edit as a new version, with the editor as its first voter', async () => {
      const run = await sampleRun(db);
      const hold = await askHeld(db, run, heldRequest('/1'));
      await decideHold(db, hold, says({ edit: '{"tag":"v2"}' as never }));
      expect(await findHold(db, hold)).toMatchObject({
        version: 2,
        edit: { version: 2, changes: '{"tag":"v2"}', by: 'person:grace' },
        state: { kind: 'granted' },
        votes: [{ version: 2 }],
      });
      expect(await ask(db, run, heldRequest('/1'))).toMatchObject({ kind: 'edited', version: 2 });
    });

    it('raises the limits of the run, and accepts the overrun with a raise of spend', async () => {
      const run = await sampleRun(db, { steps: 1 });
      await ask(db, run, sampleRequest('/1'));
      const hold = await askHeld(db, run, sampleRequest('/2'));
      await db.query('UPDATE runs SET overrun = 7 WHERE id = $1', [run]);
      await decideHold(db, hold, says({ choice: 'raise', raise: { steps: 2, spend: 5 } }));
      expect(await findRun(db, run)).toMatchObject({ limits: { steps: 3, spend: 5_000_005 }, used: { overrunAccepted: 7 } });
      expect(await ask(db, run, sampleRequest('/2'))).toMatchObject({ kind: 'allow' });
    });

    it('fences the run when the choice is to kill it', async () => {
      const run = await sampleRun(db, { steps: 1 });
      await ask(db, run, sampleRequest('/1'));
      const hold = await askHeld(db, run, sampleRequest('/2'));
      await decideHold(db, hold, says({ choice: 'kill', note: 'enough' }));
      expect(await findRun(db, run)).toMatchObject({ state: 'killed', fence: { by: 'person:grace', reason: 'enough' } });
      expect(await ask(db, run, sampleRequest('/3'))).toEqual({ kind: 'fenced' });
      expect(await dueDeliveries(db, 1_000)).toContainEqual(expect.objectContaining({ kind: 'stop', subject: run }));
    });

    it('refuses a second vote of one person on one version, whatever the ruling says', async () => {
      const run = await sampleRun(db);
      const requires = [{ ...ONE_APPROVER, quorum: 2 }];
      const hold = await askHeld(db, run, heldRequest('/1', { ruling: { kind: 'requires', requires, policies: [], policySet: 's' } }));
      expect(await decideHold(db, hold, says())).toMatchObject({ kind: 'accepted', hold: { state: { kind: 'open' } } });
      await expect(decideHold(db, hold, (facts) => says()({ ...facts, votes: [] }))).rejects.toMatchObject({ code: 'invariant_broken' });
      expect(await findHold(db, hold)).toMatchObject({ state: { kind: 'open' } });
    });

    it('is answered once the gate has answered the call', async () => {
      const run = await sampleRun(db);
      const hold = await askHeld(db, run, heldRequest('/1'));
      await decideHold(db, hold, says());
      expect(await isAnswered(db, hold)).toBe(false);
      await ask(db, run, heldRequest('/1'));
      expect(await isAnswered(db, hold)).toBe(true);
    });
  });

  describe('expire', () => {
    it('ends what is overdue, wakes who waits, and leaves the rest', async () => {
      const run = await sampleRun(db);
      const late = await askHeld(db, run, heldRequest('/1'));
      await shiftClock(db, 3_590_000);
      const fresh = await askHeld(db, run, heldRequest('/2'));
      await shiftClock(db, 20_000);
      while ((await expireHolds(db, expireHold, 10)) > 0);
      expect(await findHold(db, late)).toMatchObject({ state: { kind: 'expired' } });
      expect(await findHold(db, fresh)).toMatchObject({ state: { kind: 'open' } });
      expect(await dueDeliveries(db, 1_000)).toContainEqual(expect.objectContaining({ kind: 'wake', subject: late }));
      expect(await ask(db, run, heldRequest('/1'))).toMatchObject({ kind: 'deny', denial: { code: 'approval_expired' } });
    });
  });

  describe('withdraw', () => {
    it('withdraws the call and its open hold, and does so once', async () => {
      const run = await sampleRun(db);
      const request = heldRequest('/1');
      const hold = await askHeld(db, run, request);
      await withdrawCall(db, run, request.key, 'cancelled');
      await withdrawCall(db, run, request.key, 'cancelled');
      expect(await findHold(db, hold)).toMatchObject({ state: { kind: 'withdrawn', why: 'cancelled' } });
      expect(await findRun(db, run)).toMatchObject({ openHolds: 0, waitingSince: null });
      expect(await isAnswered(db, hold)).toBe(true);
      expect(await verifyAudit(db, run)).toEqual({ rows: 3, brokenAt: null });
    });

    it('takes back an approval that nobody used, so that asking again asks a person again', async () => {
      const run = await sampleRun(db);
      const request = heldRequest('/1');
      const hold = await askHeld(db, run, request);
      await decideHold(db, hold, says());
      await withdrawCall(db, run, request.key, 'cancelled');
      expect(await askHeld(db, run, heldRequest('/1'))).not.toBe(hold);
    });

    it('leaves an approval that was used', async () => {
      const run = await sampleRun(db);
      const request = heldRequest('/1');
      const hold = await askHeld(db, run, request);
      await decideHold(db, hold, says());
      await ask(db, run, heldRequest('/1'));
      await withdrawCall(db, run, request.key, 'cancelled');
      expect(await findHold(db, hold)).toMatchObject({ state: { kind: 'granted' } });
    });

    it('leaves a hold on the whole run to the others', async () => {
      const run = await sampleRun(db, { steps: 1 });
      await ask(db, run, sampleRequest('/1'));
      const second = sampleRequest('/2');
      const hold = await askHeld(db, run, second);
      await withdrawCall(db, run, second.key, 'cancelled');
      expect(await findHold(db, hold)).toMatchObject({ state: { kind: 'open' } });
      expect(await isAnswered(db, hold)).toBe(true);
    });

    it('does not forget that an outcome is unknown', async () => {
      const run = await sampleRun(db);
      await ask(db, run, sampleRequest('/1', { idempotent: false, worst: 1 as Micros }));
      await shiftClock(db, 10_000);
      const second = sampleRequest('/1', { idempotent: false });
      const hold = await askHeld(db, run, second);
      await withdrawCall(db, run, second.key, 'cancelled');
      const third = await ask(db, run, sampleRequest('/1', { idempotent: false }));
      expect(third).toMatchObject({ kind: 'hold', hold: { kind: 'unknown-outcome' } });
      expect(third).not.toMatchObject({ hold: { id: hold } });
    });
  });

  describe('list', () => {
    it('pages from the newest, by run, state and kind', async () => {
      const run = await sampleRun(db);
      const ids: string[] = [];
      for (const key of ['/1', '/2', '/3']) ids.unshift(await askHeld(db, run, heldRequest(key)));
      const first = await listHolds(db, { run, limit: 2 });
      const second = await listHolds(db, { run, limit: 2, cursor: first.next });
      expect([...first.items, ...second.items].map((hold) => hold.id).sort()).toEqual([...ids].sort());
      expect(second.next).toBeNull();
      await decideHold(db, ids[0] ?? '', says());
      expect((await listHolds(db, { run, state: 'granted', kind: 'approval', limit: 9 })).items.map((hold) => hold.id)).toEqual([ids[0]]);
      expect((await listHolds(db, { run, kind: 'breaker', limit: 9 })).items).toEqual([]);
    });

    it('refuses a cursor that it did not give', async () => {
      await expect(listHolds(db, { limit: 1, cursor: 'nonsense' })).rejects.toMatchObject({ name: 'Refusal', code: 'cursor_invalid' });
    });
  });
});
