import { beforeAll, describe, expect, it } from 'vitest';
import type { Micros, Verdict } from '../core/index.ts';
import { describeLedgers, shiftClock } from '../test/ledgers.ts';
import { ask, askHeld, drawId, heldRequest, says, sampleRequest, sampleRun, succeeded, tell } from '../test/sample-run.ts';
import { decideHold, findRun, migrate, settle, verifyAudit, withdrawCall } from './index.ts';
import type { Database } from './index.ts';

const RACERS = 200;

describeLedgers('many at once', (open) => {
  let db: Database;
  beforeAll(async () => {
    db = await open();
    await migrate(db);
  });

  const all = <T>(count: number, one: (index: number) => Promise<T>): Promise<T[]> =>
    Promise.all(Array.from({ length: count }, (_, index) => one(index)));
  const allowed = (verdicts: readonly Verdict[]): number => verdicts.filter((verdict) => verdict.kind === 'allow').length;

  it('the last step is taken by exactly one of 200', async () => {
    const run = await sampleRun(db, { steps: 1 });
    const verdicts = await all(RACERS, (index) => ask(db, run, sampleRequest(`/${index + 1}`)));
    expect(allowed(verdicts)).toBe(1);
    const holds = new Set(verdicts.flatMap((verdict) => (verdict.kind === 'hold' ? [verdict.hold.id] : [])));
    expect(holds.size).toBe(1);
    expect(await findRun(db, run)).toMatchObject({ used: { steps: 1 }, claimed: 1, openHolds: 1 });
    expect((await verifyAudit(db, run)).brokenAt).toBeNull();
  });

  it('the last micro-dollar is reserved by exactly one of 200', async () => {
    const run = await sampleRun(db, { spend: 1 as Micros, steps: 1_000 });
    expect(allowed(await all(RACERS, (index) => ask(db, run, sampleRequest(`/${index + 1}`, { worst: 1 as Micros }))))).toBe(1);
    expect(await findRun(db, run)).toMatchObject({ used: { reserved: 1, settled: 0, overrun: 0 } });
  });

  it('one call that many ask for at once is attempted once', async () => {
    const run = await sampleRun(db);
    const verdicts = await all(50, () => ask(db, run, sampleRequest('/1')));
    expect(allowed(verdicts)).toBe(1);
    expect(verdicts.filter((verdict) => verdict.kind === 'later')).toHaveLength(49);
  });

  it('one attempt that is settled many times over is settled once', async () => {
    const run = await sampleRun(db);
    const request = sampleRequest('/1', { worst: 5 as Micros });
    await ask(db, run, request);
    const told = await all(20, () => settle(db, run, request.key, request.token, succeeded(3), { kind: 'call.succeeded', body: {} }));
    expect(told.filter((answer) => answer === 'settled')).toHaveLength(1);
    expect(told.filter((answer) => answer === 'late')).toHaveLength(0);
    expect(await findRun(db, run)).toMatchObject({ used: { settled: 3, reserved: 0 }, claimed: 0 });
  });

  it('what runs count of themselves is what their calls and holds say, after any mixture', async () => {
    const runs = await all(4, () => sampleRun(db, { steps: 30, spend: 200 as Micros }));
    await all(40, async (index) => {
      const run = runs[index % 4]!;
      const key = `/${1 + (index % 7)}`;
      const request =
        index % 3 === 0 ? heldRequest(key) : sampleRequest(key, { worst: (index % 9) as Micros, idempotent: index % 2 === 0 });
      const verdict = await ask(db, run, request);
      if (verdict.kind === 'hold' && index % 2 === 0)
        await decideHold(db, verdict.hold.id, says({ choice: index % 4 === 0 ? 'approve' : 'deny', note: 'n' }));
      if (verdict.kind === 'hold' && index % 5 === 0) await withdrawCall(db, run, request.key, 'gone');
      if (verdict.kind === 'allow' && index % 4 !== 0) {
        await tell(db, run, request, index % 5 === 0 ? { kind: 'not-started', why: 'late' } : succeeded(index % 11));
      }
      if (index === 20) await shiftClock(db, 9_000);
    });
    const sums = await db.query(
      `
      SELECT r.id FROM runs r WHERE r.id = ANY ($1) AND (
        r.claimed <> (SELECT count(*) FROM calls c WHERE c.run = r.id AND c.state = 'claimed')
        OR r.reserved <> (SELECT coalesce(sum(c.reserved), 0) FROM calls c WHERE c.run = r.id AND c.state = 'claimed')
        OR r.settled + r.overrun <> (SELECT coalesce(sum(c.spend), 0) FROM calls c WHERE c.run = r.id)
        OR r.open_holds <> (SELECT count(*) FROM holds h WHERE h.run = r.id AND h.state = 'open'))`,
      [runs],
    );
    expect(sums).toEqual([]);
    for (const run of runs) expect((await verifyAudit(db, run)).brokenAt).toBeNull();
  });

  describe('guards', () => {
    it('let audit, votes and executions only grow', async () => {
      const run = await sampleRun(db);
      const hold = await askHeld(db, run, heldRequest('/1'));
      await decideHold(db, hold, says());
      for (const sql of [
        'UPDATE audit SET text = $$x$$',
        'DELETE FROM audit',
        'TRUNCATE audit',
        'DELETE FROM votes',
        'UPDATE votes SET choice = $$deny$$',
        'DELETE FROM executions',
      ]) {
        await expect(db.query(sql)).rejects.toMatchObject({ code: 'invariant_broken', message: expect.stringContaining('only grows') });
      }
    });

    it('let a closed hold be nothing else', async () => {
      const run = await sampleRun(db);
      const hold = await askHeld(db, run, heldRequest('/1'));
      await decideHold(db, hold, says({ choice: 'deny', note: 'no' }));
      for (const change of [`state = 'granted'`, `state = 'open'`, `state_detail = '{}'`, `version = 9`, `digest = 'x'`, `result = 'x'`]) {
        await expect(db.query(`UPDATE holds SET ${change} WHERE id = '${hold}'`)).rejects.toMatchObject({ code: 'invariant_broken' });
      }
      await expect(
        db.query(
          `INSERT INTO holds SELECT $2, run, key, kind, 'granted', state_detail, version, digest, reason, requires, policy_set, shown, opened_at FROM holds WHERE id = $1`,
          [hold, drawId('hold')],
        ),
      ).rejects.toMatchObject({ code: 'invariant_broken' });
    });

    it('find a chain that somebody has tampered with, wherever', async () => {
      const run = await sampleRun(db);
      await ask(db, run, sampleRequest('/1'));
      await ask(db, run, sampleRequest('/2'));
      const tamper = async (sql: string): Promise<number | null> => {
        try {
          await db.transaction(async (tx) => {
            await tx.query('ALTER TABLE audit DISABLE TRIGGER only_grows');
            await tx.query(sql);
            const { brokenAt } = await verifyAudit(tx as Database, run);
            throw Object.assign(new Error('undo'), { brokenAt });
          });
        } catch (error) {
          return (error as { brokenAt: number | null }).brokenAt;
        }
        return null;
      };
      expect(await tamper(`UPDATE audit SET text = '{}' WHERE chain = '${run}' AND seq = 2`)).toBe(2);
      expect(await tamper(`UPDATE audit SET at = 1 WHERE chain = '${run}' AND seq = 3`)).toBe(3);
      expect(await tamper(`DELETE FROM audit WHERE chain = '${run}' AND seq = 3`)).toBe(3);
      expect(await tamper(`DELETE FROM audit WHERE chain = '${run}' AND seq = 1`)).toBe(2);
      expect(await tamper(`DELETE FROM audit WHERE chain = '${run}'`)).toBe(1);
      expect((await verifyAudit(db, run)).brokenAt).toBeNull();
    });
  });
});
