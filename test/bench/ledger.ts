import { randomBytes } from 'node:crypto';
import { argsDigestOf, digestOf } from '../../activities/gate/prepare.ts';
import { canonical, completeLimits, decide, LEASE, stepKey } from '../../core/index.ts';
import type { CallRequest, Micros, RunId } from '../../core/index.ts';
import { claim, createRun, migrate, openPostgres, settle } from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';
import type { Figure } from './figure.ts';
import { atLeast, atMost, percentile, plain } from './figure.ts';

const MANY = 10_000_000;

/**
 * Claim and settle alone, on Postgres: the time of one pair, and pairs per second of 20 at once. A pair commits
 * twice, so two commits of one small row each, taken turn by turn with it, say what of it is the disk's.
 */
export async function measureLedger(url: string, millis: number, where: string): Promise<readonly Figure[]> {
  const owner = await openPostgres({ url });
  await migrate(owner);
  await owner.query('CREATE TABLE raw_commits (n bigint)');
  await owner.query('GRANT INSERT ON raw_commits TO holdpoint_worker');
  const db = await openPostgres({ url, role: 'worker', poolSize: 20 });
  try {
    const one = await newRun(owner);
    await pairsFor(db, [one], 1, 1_000);
    const times: number[] = [];
    const commits: number[] = [];
    for (let turn = 0; turn < 5; turn += 1) {
      times.push(...(await pairsFor(db, [one], 1, millis / 5)));
      commits.push(...(await commitsFor(db, millis / 5)));
    }
    const runs = await Promise.all(Array.from({ length: 20 }, () => newRun(owner)));
    const spread = await pairsFor(db, runs, 20, millis);
    const shared = await pairsFor(db, [await newRun(owner)], 20, millis);
    const rate = (pairs: readonly number[]): number => (pairs.length * 1_000) / millis;
    return [
      atMost(`claim + settle alone, ${where}, p50`, percentile(times, 0.5), 'ms', 1.5),
      plain(`two commits of one row each, ${where}, p50`, percentile(commits, 0.5), 'ms'),
      atLeast(`claim + settle pairs per second, ${where}, 20 runs`, rate(spread), 'pairs/s', 2_000),
      atLeast(`claim + settle pairs per second, ${where}, 20 callers on one run`, rate(shared), 'pairs/s', 600),
    ];
  } finally {
    await Promise.all([db.close(), owner.close()]);
  }
}

async function commitsFor(db: Database, millis: number): Promise<readonly number[]> {
  const until = performance.now() + millis;
  const times: number[] = [];
  while (performance.now() < until) {
    const startedAt = performance.now();
    await db.query('INSERT INTO raw_commits VALUES ($1)', [1]);
    await db.query('INSERT INTO raw_commits VALUES ($1)', [2]);
    times.push(performance.now() - startedAt);
  }
  return times;
}

async function newRun(db: Database): Promise<RunId> {
  const id = `run-${randomBytes(8).toString('hex')}`;
  const limits = completeLimits({ steps: MANY, identical: MANY });
  await createRun(db, {
    id,
    agent: 'bench',
    workflow: 'bench',
    requesters: ['agent:bench'],
    labels: {},
    limits,
    workflowId: id,
    taskQueue: 'bench',
    input: canonical({}),
  });
  return id;
}

/** Milliseconds of each pair done within the time. */
async function pairsFor(db: Database, runs: readonly RunId[], callers: number, millis: number): Promise<readonly number[]> {
  const until = performance.now() + millis;
  const times: number[] = [];
  const ordinals = new Map(runs.map((run) => [run, 0]));
  await Promise.all(
    Array.from({ length: callers }, async (_, caller) => {
      const run = runs[caller % runs.length] ?? '';
      while (performance.now() < until) {
        const ordinal = (ordinals.get(run) ?? 0) + 1;
        ordinals.set(run, ordinal);
        const startedAt = performance.now();
        await pair(db, run, requestFor(run, ordinal + Math.floor(startedAt) * 1_000_000));
        times.push(performance.now() - startedAt);
      }
    }),
  );
  return times;
}

async function pair(db: Database, run: RunId, request: CallRequest): Promise<void> {
  const verdict = await claim(db, run, request, decide);
  if (verdict?.kind !== 'allow') throw new Error(`The claim was not allowed: ${verdict?.kind ?? 'no such run'}.`);
  const result = { kind: 'inline', payload: '{"metadata":{},"data":""}' } as const;
  const audit = { kind: 'call.succeeded', body: { key: request.key, action: request.action, spend: 0 } };
  await settle(db, run, request.key, request.token, { kind: 'succeeded', spend: 0 as Micros, result }, audit);
}

function requestFor(run: RunId, ordinal: number): CallRequest {
  const input = canonical({ text: `${ordinal}` });
  return {
    key: stepKey('', ordinal),
    action: 'bench.step',
    execution: { workflowId: run, runId: run },
    token: randomBytes(16).toString('hex'),
    argsDigest: argsDigestOf('bench.step', input),
    digest: digestOf('bench.step', input, null),
    input,
    facts: null,
    idempotent: true,
    worst: 0 as Micros,
    ruling: { kind: 'allow', policies: ['steps'], policySet: 'bench' },
    shown: { title: '', fields: [], evidence: [] },
    edit: null,
    freshHold: `hold-${ordinal}`,
    lease: LEASE,
  };
}
