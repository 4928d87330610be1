import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { completeLimits, stepKey } from '../../core/index.ts';
import type { CallHeader, ExecutionRef } from '../../core/index.ts';
import { listExecutions } from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';
import { sampleRun } from '../../test/sample-run.ts';
import { createIdentifier } from './executions.ts';
import type { Identifier } from './executions.ts';
import { openLedger } from './gate.fixture.ts';
import type { DescribedExecution } from './parts.ts';

let db: Database;
beforeAll(async () => {
  db = await openLedger();
});
afterAll(() => db.close());

/** Temporal's view: which executions there are, and who started them. */
function world(
  executions: Readonly<Record<string, Partial<DescribedExecution>>>,
  remembered?: number,
): { identifier: Identifier; asked: string[] } {
  const asked: string[] = [];
  const describe = ({ workflowId, runId }: ExecutionRef): Promise<DescribedExecution | null> => {
    asked.push(workflowId);
    const known = executions[workflowId];
    return Promise.resolve(known === undefined ? null : { firstRunId: runId, parent: null, workflow: 'w', taskQueue: 'q', ...known });
  };
  return {
    identifier: createIdentifier(
      { db, describe, adoption: () => ({ mode: 'enforce', admission: 'hold', limits: completeLimits({}) }) },
      remembered,
    ),
    asked,
  };
}

const at = (workflowId: string, runId = `${workflowId}-1`): ExecutionRef => ({ workflowId, runId });
const header = (run: string, path = ''): CallHeader => ({ v: 1, run, path, key: stepKey(path, 1) });

describe('the execution that a header speaks of', () => {
  it('is the root that the run was started as, and is asked for once', async () => {
    const run = await sampleRun(db);
    const { identifier, asked } = world({ [run]: {} });
    for (let call = 0; call < 3; call += 1)
      expect(await identifier.identify(header(run), at(run))).toMatchObject({ kind: 'known', who: { run: { agent: 'release-bot' } } });
    expect(asked).toEqual([run]);
  });

  it('may be a child of it at any depth, whose parents are recorded on the way', async () => {
    const run = await sampleRun(db);
    const { identifier, asked } = world({ [run]: {}, [`${run}-c`]: { parent: at(run) }, [`${run}-g`]: { parent: at(`${run}-c`) } });
    expect(await identifier.identify(header(run, '/2/1'), at(`${run}-g`))).toMatchObject({ kind: 'known' });
    expect((await listExecutions(db, run)).map(({ path }) => path)).toEqual(['', '/2', '/2/1']);
    expect(asked).toHaveLength(3);
    const later = world({});
    expect(await later.identifier.identify(header(run, '/2/1'), at(`${run}-g`))).toMatchObject({ kind: 'known' });
    expect(later.asked).toEqual([]);
  });

  it('may be continued, as another run of the same chain', async () => {
    const run = await sampleRun(db);
    const { identifier } = world({ [run]: { firstRunId: 'first' } });
    expect(await identifier.identify(header(run), at(run, 'first'))).toMatchObject({ kind: 'known' });
    expect(await identifier.identify(header(run), at(run, 'second'))).toMatchObject({ kind: 'known' });
  });
});

describe('a forged header is refused', () => {
  it('that names a run which nobody started, and is looked up again each time', async () => {
    const { identifier } = world({ w: {} });
    expect(await identifier.identify(header('run-none'), at('w'))).toMatchObject({ kind: 'refused', code: 'run_unknown' });
  });

  it.each([
    ['another workflow as the root', { x: {} }, '', 'x'],
    ['a child as the root', { x: { parent: at('p') } }, '', 'x'],
    ['a workflow that Temporal does not know', {}, '/1', 'x'],
    ['a workflow without a parent as a child', { x: {} }, '/1', 'x'],
    ['a child of a workflow of nobody', { x: { parent: at('p') }, p: {} }, '/1', 'x'],
    ['a grandchild whose parent is unknown', { x: { parent: at('p') } }, '/1/1', 'x'],
  ])('that gives %s', async (_, executions, path, workflowId) => {
    const run = await sampleRun(db);
    const { identifier } = world({ ...executions, [run]: {} });
    expect(await identifier.identify(header(run, path), at(workflowId))).toMatchObject({ kind: 'refused', code: 'execution_mismatch' });
    expect(await listExecutions(db, run)).toEqual([]);
  });

  it('that puts the root, or a child, at another path than the one it is at, also once it is remembered', async () => {
    const run = await sampleRun(db);
    const child = `${run}-c`;
    const { identifier } = world({ [run]: {}, [child]: { parent: at(run) } });
    await identifier.identify(header(run, '/1'), at(child));
    for (const [path, workflowId] of [
      ['/1', run],
      ['', child],
      ['/2', child],
      ['/1/1', child],
    ] as const) {
      expect(await identifier.identify(header(run, path), at(workflowId))).toMatchObject({ kind: 'refused', code: 'execution_mismatch' });
    }
    expect(await identifier.identify(header(run, '/1'), at(child))).toMatchObject({ kind: 'known' });
  });

  it('that borrows another run, by its root or by one of its children', async () => {
    const [mine, theirs] = [await sampleRun(db), await sampleRun(db)];
    const { identifier } = world({ [mine]: {}, [theirs]: {}, [`${mine}-c`]: { parent: at(mine) } });
    await identifier.identify(header(mine), at(mine));
    await identifier.identify(header(theirs), at(theirs));
    for (const [path, workflowId] of [
      ['', mine],
      ['/1', mine],
      ['/1', `${mine}-c`],
    ] as const) {
      expect(await identifier.identify(header(theirs, path), at(workflowId))).toMatchObject({ kind: 'refused' });
    }
  });

  it('that has the id of the run, in another chain than the one that was started', async () => {
    const run = await sampleRun(db);
    const { identifier } = world({ [run]: {} });
    expect(await identifier.identify(header(run), at(run, 'one'))).toMatchObject({ kind: 'known' });
    expect(await identifier.identify(header(run), at(run, 'two'))).toMatchObject({ kind: 'refused' });
  });

  it('that nests without end', async () => {
    const run = await sampleRun(db);
    const executions = Object.fromEntries(Array.from({ length: 100 }, (_, level) => [`x${level}`, { parent: at(`x${level + 1}`) }]));
    const { identifier, asked } = world(executions);
    expect(await identifier.identify(header(run, '/1'.repeat(90)), at('x0'))).toMatchObject({
      kind: 'refused',
      message: expect.stringMatching(/too long/) as string,
    });
    expect(asked.length).toBeLessThan(70);
  });
});

it('forgets the oldest of what it remembers, and asks the ledger for that again', async () => {
  const runs = [await sampleRun(db), await sampleRun(db), await sampleRun(db)];
  const { identifier, asked } = world(Object.fromEntries(runs.map((run) => [run, {}])), 2);
  for (const run of [...runs, ...runs]) expect(await identifier.identify(header(run), at(run))).toMatchObject({ kind: 'known' });
  expect(asked).toEqual(runs);
});
