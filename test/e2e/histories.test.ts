import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from '@temporalio/worker';
import type { WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { holdpoint, loadConfig } from '../../runtime/index.ts';
import { GOLDEN, RECORDED, recordHistories, WORKFLOWS } from './record-histories.ts';
import { bundle, quiet } from './supervised.ts';
import { toolActions } from './tools.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 180_000 });

/** Once a release: `HOLDPOINT_RECORD_HISTORIES=0.1.0 npx vitest run test/e2e/histories.test.ts`. */
const release = process.env['HOLDPOINT_RECORD_HISTORIES'];
if (release !== undefined) await recordHistories(release);

describe('recorded histories', () => {
  let workflowBundle: WorkflowBundleWithSourceMap;
  beforeAll(async () => {
    quiet();
    const folder = mkdtempSync(join(tmpdir(), 'holdpoint-replay-'));
    workflowBundle = await bundle(holdpoint({ actions: toolActions(folder), config: loadConfig({ env: {}, cwd: folder }) }), WORKFLOWS);
  });
  const files = readdirSync(GOLDEN, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.json'))
    .toSorted();
  const read = (file: string): { events: { activityTaskScheduledEventAttributes?: { activityId: string } }[] } =>
    JSON.parse(readFileSync(join(GOLDEN, file), 'utf8')) as ReturnType<typeof read>;

  it('are there of every kind of run', () => {
    const kinds = new Set(files.map((file) => file.replace(/^.*[\\/]/, '').replace(/(-\d+)?\.json$/, '')));
    expect([...kinds].toSorted()).toEqual(Object.keys(RECORDED).toSorted());
  });

  it.each(files)('replay on this build: %s', async (file) => {
    await Worker.runReplayHistory({ workflowBundle }, read(file), file);
  });

  it('would not replay if what is asked for had changed', async () => {
    const file = files.find((one) => one.endsWith('approved.json')) ?? '';
    const history = read(file);
    for (const { activityTaskScheduledEventAttributes: scheduled } of history.events)
      if (scheduled) scheduled.activityId = `${scheduled.activityId}0`;
    await expect(Worker.runReplayHistory({ workflowBundle }, history, file)).rejects.toThrow(/TMPRL1100|determinism/i);
  });
});
