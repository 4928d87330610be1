import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { migrate, openPglite } from '../../ledger/index.ts';
import type { HoldRecord } from '../../ledger/index.ts';
import type { RunId } from '../../core/index.ts';
import { HOLD_CHARGE, PERMIT_ALL, supervised } from './supervised.ts';
import type { Supervised } from './supervised.ts';

/** One folder a release. */
export const GOLDEN = join(import.meta.dirname, '../histories/golden');
export const WORKFLOWS = join(import.meta.dirname, '../workflows/recorded-runs.ts');

type Decide = (world: Supervised, run: RunId) => Promise<void>;
interface Recorded {
  readonly workflow: string;
  readonly input?: number;
  readonly decide: Decide;
}

const signalled: Decide = async (world, run) => {
  await world.held(run);
  await world.client.workflow.getHandle(run).signal('goOn');
};
const decided =
  (...asks: readonly Parameters<Supervised['decide']>[1][]): Decide =>
  async (world, run) => {
    const seen = new Set<string>();
    for (const ask of asks) {
      const fresh = (hold: HoldRecord): boolean => hold.state.kind === 'open' && !seen.has(hold.id);
      const hold = await world.until('a hold', async () => (await world.holds(run)).find(fresh));
      seen.add(hold.id);
      await world.decide(hold.id, ask);
    }
  };

/** The kinds of run that are kept, each with what people do about it. */
export const RECORDED: Readonly<Record<string, Recorded>> = {
  allowed: { workflow: 'allowedRun', decide: () => Promise.resolve() },
  approved: { workflow: 'heldRun', decide: decided({}) },
  denied: { workflow: 'heldRun', decide: decided({ choice: 'deny', note: 'no' }) },
  edited: { workflow: 'heldRun', decide: decided({ edit: { text: 'changed' } }) },
  parallel: { workflow: 'parallelRun', decide: decided({}, {}) },
  cancelled: { workflow: 'cancelledRun', decide: signalled },
  left: { workflow: 'leavingRun', decide: signalled },
  child: { workflow: 'parentRun', decide: decided({}, {}) },
  continued: { workflow: 'continuedRun', input: 1, decide: decided({}, {}) },
};

/** Runs everything that is kept on this build, and writes the histories of all executions. */
export async function recordHistories(release: string): Promise<void> {
  const db = await openPglite({ memory: true });
  await migrate(db);
  const policies = PERMIT_ALL + HOLD_CHARGE.replace('@approvers', '@edits("text") @approvers');
  const world = await supervised({ db, policies, workflowsPath: WORKFLOWS });
  const folder = join(GOLDEN, release);
  mkdirSync(folder, { recursive: true });
  for (const [name, { workflow, input = null, decide }] of Object.entries(RECORDED)) {
    const run = await world.start(workflow, input);
    await decide(world, run);
    await world.result(run);
    const executions = await db.query<{ workflow_id: string; run_id: string }>(
      'SELECT workflow_id, run_id FROM executions WHERE run = $1 ORDER BY path, seen_at',
      [run],
    );
    for (const [nth, { workflow_id: workflowId, run_id: runId }] of executions.entries()) {
      const history = await world.client.workflow.getHandle(workflowId, runId).fetchHistory();
      writeFileSync(join(folder, `${name}${nth === 0 ? '' : `-${nth + 1}`}.json`), `${withoutMachine(historyToJSON(history))}\n`);
    }
  }
  await world.stop();
  await db.close();
}

/** Stack traces and identities name the machine that recorded them; a replay reads neither. */
function withoutMachine(json: string): string {
  const strip = (name: string, value: unknown): unknown =>
    name === 'stackTrace' ? '' : typeof value === 'string' ? value.replace(/\d+@[^\s/]+/, 'worker@host') : value;
  return JSON.stringify(JSON.parse(json), strip, 1);
}
