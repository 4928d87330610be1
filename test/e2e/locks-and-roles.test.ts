import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HoldId, RunId, StepKey, Verdict } from '../../core/index.ts';
import {
  decideHold,
  fenceRuns,
  findRun,
  LedgerError,
  listCalls,
  migrate,
  openPostgres,
  raiseRun,
  recordExecution,
  withdrawCall,
} from '../../ledger/index.ts';
import type { Database, Queryable } from '../../ledger/index.ts';
import { clockShiftedBy } from '../ledgers.ts';
import { freshDatabase, startPostgres } from '../real-postgres.ts';
import { ask, askHeld, heldRequest, says, sampleRequest, sampleRun, succeeded, tell } from '../sample-run.ts';

describe('on Postgres', () => {
  let server: Awaited<ReturnType<typeof startPostgres>>;
  let url: string;
  let owner: Database;
  beforeAll(async () => {
    server = await startPostgres();
    url = await freshDatabase(server.url);
    owner = await openPostgres({ url, poolSize: 5 });
    await migrate(owner);
  });
  afterAll(async () => {
    await owner.close();
    await server.stop();
  });

  /** The ledger's verbs inside a transaction that is under way. */
  const inside = (tx: Queryable): Database => ({
    ...owner,
    query: (sql, parameters) => tx.query(sql, parameters),
    transaction: (body) => body(tx),
  });

  /** Looks from another connection: within a transaction Postgres shows the activity as it was at the first look. */
  async function othersWait(tx: Queryable): Promise<void> {
    const [self] = await tx.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    for (let looked = 0; looked < 1_000; looked += 1) {
      const waiting = await owner.query('SELECT 1 FROM pg_locks WHERE NOT granted AND $1 = ANY (pg_blocking_pids(pid))', [self?.pid]);
      if (waiting.length > 0) return;
    }
    throw new Error('Nobody waits for this transaction.');
  }

  describe('a claim that waits for the lock', () => {
    const decisions: readonly [string, (db: Database, run: RunId, hold: HoldId) => Promise<unknown>, object][] = [
      [
        'a denial',
        (db, _run, hold) => decideHold(db, hold, says({ choice: 'deny', note: 'no' })),
        { kind: 'deny', denial: { code: 'approval_denied' } },
      ],
      ['an approval', (db, _run, hold) => decideHold(db, hold, says()), { kind: 'allow' }],
      ['a kill', (db, run) => fenceRuns(db, { runs: [run] }, { by: 'person:grace', reason: 'stop' }), { kind: 'fenced' }],
      ['a withdrawal', (db, run) => withdrawCall(db, run, '/1' as StepKey, 'gone'), { kind: 'hold' }],
    ];
    it.each(decisions)('sees %s that commits meanwhile', async (_name, decision, expected) => {
      const run = await sampleRun(owner);
      const hold = await askHeld(owner, run, heldRequest('/1'));
      let waiting: Promise<Verdict> | undefined;
      await owner.transaction(async (tx) => {
        await decision(inside(tx), run, hold);
        waiting = ask(owner, run, heldRequest('/1'));
        await othersWait(tx);
      });
      const verdict = await waiting;
      expect(verdict).toMatchObject(expected);
      if (verdict?.kind === 'hold') expect(verdict.hold.id).not.toBe(hold);
    });

    it('sees the last step being taken, and being given back', async () => {
      const run = await sampleRun(owner, { steps: 1 });
      const first = sampleRequest('/1');
      let waiting: Promise<Verdict> | undefined;
      await owner.transaction(async (tx) => {
        expect(await ask(inside(tx), run, first)).toMatchObject({ kind: 'allow' });
        waiting = ask(owner, run, sampleRequest('/2'));
        await othersWait(tx);
      });
      const verdict = await waiting;
      expect(verdict).toMatchObject({ kind: 'hold', hold: { kind: 'breaker' } });

      const other = await sampleRun(owner, { steps: 1 });
      await ask(owner, other, first);
      await owner.transaction(async (tx) => {
        await tell(inside(tx), other, first, { kind: 'not-started', why: 'late' });
        waiting = ask(owner, other, sampleRequest('/2'));
        await othersWait(tx);
      });
      expect(await waiting).toMatchObject({ kind: 'allow' });
    });

    it('gives up where a lock is kept from it, and has written nothing', async () => {
      const run = await sampleRun(owner);
      let waiting: Promise<unknown> | undefined;
      await owner.transaction(async (tx) => {
        await tx.query('SELECT id FROM runs WHERE id = $1 FOR UPDATE', [run]);
        await tx.query(`SET LOCAL idle_in_transaction_session_timeout = '20s'`);
        waiting = ask(owner, run, sampleRequest('/1')).catch((error: unknown) => error);
        expect(await waiting).toMatchObject({ code: 'ledger_busy' });
      });
      expect(await findRun(owner, run)).toMatchObject({ used: { steps: 0 }, claimed: 0 });
      expect(await listCalls(owner, run)).toEqual([]);
    });
  });

  describe('roles', () => {
    let worker: Database;
    let keeper: Database;
    let run: RunId;
    let hold: HoldId;
    beforeAll(async () => {
      worker = await openPostgres({ url, role: 'worker', poolSize: 2 });
      keeper = await openPostgres({ url, role: 'server', poolSize: 2 });
      run = await sampleRun(keeper);
      hold = await askHeld(worker, run, heldRequest('/1'));
      await recordExecution(worker, { workflowId: run, runId: 'r', firstRunId: 'r', path: '', run });
      const decided = await askHeld(worker, await sampleRun(keeper), heldRequest('/1'));
      await decideHold(keeper, decided, says());
    });
    afterAll(async () => {
      await Promise.all([worker.close(), keeper.close()]);
    });

    const refusal = async (work: Promise<unknown>): Promise<string> => {
      const error = await work.then(
        () => 'it was done',
        (thrown: unknown) => thrown,
      );
      if (!(error instanceof LedgerError)) return String(error);
      return /permission denied|only grows|cannot (decide|claim|start)/.test(error.message) ? 'refused' : error.message;
    };
    const snapshot = (): Promise<unknown> =>
      owner.query(`SELECT (SELECT json_agg(h ORDER BY id) FROM holds h) AS holds, (SELECT json_agg(v ORDER BY hold) FROM votes v) AS votes,
        (SELECT json_agg(r ORDER BY id) FROM runs r) AS runs, (SELECT json_agg(c ORDER BY run) FROM calls c) AS calls,
        (SELECT json_agg(a ORDER BY chain, seq) FROM audit a) AS audit, (SELECT json_agg(e) FROM executions e) AS executions`);

    it('keep a worker from deciding, voting, raising, killing and starting', async () => {
      const before = await snapshot();
      const breaking: readonly Promise<unknown>[] = [
        decideHold(worker, hold, says()),
        decideHold(worker, hold, says({ choice: 'deny', note: 'no' })),
        raiseRun(worker, run, { raise: { steps: 1 }, by: 'person:grace', reason: 'more' }),
        fenceRuns(worker, { runs: [run] }, { by: 'person:grace', reason: 'stop' }),
        sampleRun(worker),
        worker.query(`UPDATE holds SET state = 'granted' WHERE id = $1`, [hold]),
        worker.query(`UPDATE holds SET state = 'denied' WHERE id = $1`, [hold]),
        worker.query(`UPDATE holds SET requires = '[]', decide_by = NULL WHERE id = $1`, [hold]),
        worker.query(`INSERT INTO votes (hold, version, person, choice, at) VALUES ($1, 1, 'person:x', 'approve', 1)`, [hold]),
        ...[
          'steps_limit',
          'spend_limit',
          'time_limit',
          'identical_limit',
          'failures_limit',
          'overrun_accepted',
          'fenced_at',
          'requesters',
        ].map((column) => worker.query(`UPDATE runs SET ${column} = ${column}`)),
        worker.query(clockShiftedBy(1)),
        worker.query('SELECT hash FROM tokens'),
      ];
      const answers = await Promise.all(breaking.map(refusal));
      expect(answers).toEqual(answers.map(() => 'refused'));
      expect(await snapshot()).toEqual(before);
    });

    it('keep a server from claiming, settling and taking back steps', async () => {
      const before = await snapshot();
      const breaking: readonly Promise<unknown>[] = [
        ask(keeper, run, sampleRequest('/2')),
        ask(keeper, run, heldRequest('/1', { args: { other: true } })),
        tell(keeper, run, heldRequest('/1'), succeeded()),
        keeper.query(`UPDATE calls SET state = 'claimed' WHERE run = $1`, [run]),
        keeper.query(`INSERT INTO holds SELECT * FROM holds LIMIT 1`),
        ...['steps_used', 'settled', 'reserved', 'overrun', 'claimed', 'meters', 'unfolded'].map((column) =>
          keeper.query(`UPDATE runs SET ${column} = ${column}`),
        ),
        ...['token', 'lease_until', 'used_grant', 'digest', 'reserved'].map((column) =>
          keeper.query(`UPDATE calls SET ${column} = ${column}`),
        ),
        keeper.query(clockShiftedBy(1)),
      ];
      const answers = await Promise.all(breaking.map(refusal));
      expect(answers).toEqual(answers.map(() => 'refused'));
      expect(await snapshot()).toEqual(before);
    });

    it('let nobody change, delete or empty what only grows', async () => {
      const before = await snapshot();
      const statements = ['audit', 'votes', 'executions'].flatMap((table) => [
        `UPDATE ${table} SET ${table === 'audit' ? 'text' : table === 'votes' ? 'choice' : 'path'} = 'x'`,
        `DELETE FROM ${table}`,
        `TRUNCATE ${table}`,
        `TRUNCATE ${table} CASCADE`,
      ]);
      for (const db of [worker, keeper, owner]) {
        for (const sql of statements) expect([sql, await refusal(db.query(sql))]).toEqual([sql, 'refused']);
      }
      expect(await snapshot()).toEqual(before);
    });
  });
});
