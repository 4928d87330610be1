import { beforeAll, expect, it } from 'vitest';
import { findRun, migrate } from '../ledger/index.ts';
import type { Database } from '../ledger/index.ts';
import { describeLedgers } from '../test/ledgers.ts';
import { ask, sampleRequest, sampleRun } from '../test/sample-run.ts';
import { killRuns } from './kill.ts';

const who = { by: 'person:grace', reason: 'it went wild' };

describeLedgers('a kill', (open) => {
  let db: Database;
  beforeAll(async () => {
    db = await open();
    await migrate(db);
  });

  it('lets nothing be claimed once it is acknowledged, and nudges who stops the workflow', async () => {
    const run = await sampleRun(db);
    let nudged = 0;
    expect(await killRuns({ db, nudge: () => (nudged += 1) }, { runs: [run] }, who)).toEqual([run]);
    expect(nudged).toBe(1);
    expect(await ask(db, run, sampleRequest('/1'))).toEqual({ kind: 'fenced' });
    expect((await findRun(db, run))?.fence).toMatchObject(who);
  });

  it('by filter takes the runs of one agent, and only those', async () => {
    const [wild, tame] = [await sampleRun(db, {}, 'wild-bot'), await sampleRun(db, {}, 'tame-bot')];
    expect(await killRuns({ db }, { agent: 'wild-bot' }, who)).toEqual([wild]);
    expect((await findRun(db, tame))?.fencedAt).toBeNull();
  });

  it('repeated changes nothing: the first reason stands', async () => {
    const run = await sampleRun(db);
    await killRuns({ db }, { runs: [run] }, who);
    expect(await killRuns({ db }, { runs: [run] }, { ...who, reason: 'again' })).toEqual([]);
    expect((await findRun(db, run))?.fence?.reason).toBe('it went wild');
  });

  it('needs a reason, and runs that exist', async () => {
    const run = await sampleRun(db);
    await expect(killRuns({ db }, { runs: [run] }, { ...who, reason: ' ' })).rejects.toMatchObject({
      name: 'Refusal',
      code: 'reason_required',
    });
    await expect(killRuns({ db }, { runs: [run, 'run-nobody'] }, who)).rejects.toMatchObject({ kind: 'not_found', code: 'run_unknown' });
    expect((await findRun(db, run))?.fencedAt).toBeNull();
  });
});
