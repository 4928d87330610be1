import { createHash } from 'node:crypto';
import { canonical } from '../../core/index.ts';
import type { Admission, Mode, RunId, RunLimits } from '../../core/index.ts';
import { createRun } from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';

/** How runs come in that were started elsewhere, by their agent: the type of their workflow. */
export interface AdoptionTerms {
  readonly mode: Mode;
  readonly admission: Admission;
  readonly limits: RunLimits;
}

/** The root of such a run, as Temporal describes it. */
export interface AdoptedRoot {
  readonly workflowId: string;
  readonly firstRunId: string;
  readonly workflow: string;
  readonly taskQueue: string;
}

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** The same root always is the same run, whichever worker meets it first. */
export function adoptedRunId({ workflowId, firstRunId }: Pick<AdoptedRoot, 'workflowId' | 'firstRunId'>): RunId {
  const bytes = createHash('sha256').update(`adopted\n${workflowId}\n${firstRunId}`).digest().subarray(0, 26);
  return `run-${[...bytes].map((byte) => BASE32[byte % 32]).join('')}`;
}

/** Makes the run, unless it was adopted before. Nobody knows who asked for it, nor with what input. */
export async function adoptRun(db: Database, root: AdoptedRoot, termsFor: (agent: string) => AdoptionTerms): Promise<RunId> {
  const id = adoptedRunId(root);
  const { workflow, workflowId, firstRunId, taskQueue } = root;
  const { mode, admission, limits } = termsFor(workflow);
  await createRun(db, {
    id,
    agent: workflow,
    workflow,
    requesters: [],
    labels: {},
    limits,
    workflowId,
    taskQueue,
    input: canonical(null),
    mode,
    adopted: { firstRunId, admission },
  });
  return id;
}
