import { ADOPTED_RUN, parentPath } from '../../core/index.ts';
import type { CallHeader, DenialCode, ExecutionRef, RunId } from '../../core/index.ts';
import { findExecution, findRunIdentity, recordExecution } from '../../ledger/index.ts';
import { adoptRun } from './adoption.ts';
import type { CallIdentity, GateParts, RunIdentity } from './parts.ts';

/** How many executions and runs a worker remembers; a forgotten one is looked up again. */
const REMEMBERED = 10_000;
/** Children of children of children: far above what anybody nests. */
const DEEPEST = 64;

export type Identified =
  | { readonly kind: 'known'; readonly who: CallIdentity }
  | { readonly kind: 'refused'; readonly code: DenialCode; readonly message: string };

/** Finds out whose call it is. The header is a claim; the ledger and Temporal must bear it out. */
export interface Identifier {
  identify(header: CallHeader, execution: ExecutionRef): Promise<Identified>;
}

/** The run that an execution belongs to, or why it belongs to none. */
type Verified = { readonly run: RunId } | { readonly trouble: string };
type KnownRun = RunIdentity & { readonly workflowId: string };

export function createIdentifier(parts: Pick<GateParts, 'db' | 'describe' | 'adoption'>, remembered = REMEMBERED): Identifier {
  const runs = new Map<string, KnownRun>();
  const executions = new Map<string, { readonly claimed: string; readonly run: RunId }>();

  async function runOf(id: RunId): Promise<KnownRun | null> {
    const known = runs.get(id);
    if (known) return known;
    const found = await findRunIdentity(parts.db, id);
    if (found === null) return null;
    const run = { id, ...found };
    remember(runs, id, run, remembered);
    return run;
  }

  /** `claimed` null = it says only that it was started elsewhere: the run is that of its root. */
  async function verify(claimed: KnownRun | null, path: string, execution: ExecutionRef, depth: number): Promise<Verified> {
    const recorded = await findExecution(parts.db, execution);
    if (recorded !== null) {
      const borneOut = recorded.path === path && (claimed === null ? recorded.adopted : recorded.run === claimed.id);
      return borneOut ? { run: recorded.run } : { trouble: 'this execution belongs to another run or path' };
    }
    if (depth > DEEPEST) return { trouble: 'its chain of parents is too long' };
    const described = await parts.describe(execution);
    if (described === null) return { trouble: 'Temporal does not know this execution' };
    const { firstRunId, parent, workflow, taskQueue } = described;
    const above = parentPath(path);
    let run: RunId;
    if (above !== null) {
      if (parent === null) return { trouble: 'it says that it is a child, and has no parent' };
      const found = await verify(claimed, above, parent, depth + 1);
      if ('trouble' in found) return { trouble: `its parent is not part of the run: ${found.trouble}` };
      ({ run } = found);
    } else if (claimed === null) {
      run = await adoptRun(parts.db, { workflowId: execution.workflowId, firstRunId, workflow, taskQueue }, parts.adoption);
    } else {
      if (execution.workflowId !== claimed.workflowId || parent !== null)
        return { trouble: 'it is not the execution that this run started' };
      run = claimed.id;
    }
    const accepted = await recordExecution(parts.db, { ...execution, firstRunId, path, run });
    return accepted ? { run } : { trouble: 'the run was started as another execution' };
  }

  return {
    async identify(header, execution) {
      const adopted = header.run === ADOPTED_RUN;
      const claimedRun = adopted ? null : await runOf(header.run);
      if (!adopted && claimedRun === null) return unknown();
      const cacheKey = `${execution.workflowId}\n${execution.runId}`;
      const claimed = `${header.run}\n${header.path}`;
      const known = executions.get(cacheKey);
      let id = known?.run;
      if (known === undefined || known.claimed !== claimed) {
        const verified = await verify(claimedRun, header.path, execution, 0);
        if ('trouble' in verified)
          return { kind: 'refused', code: 'execution_mismatch', message: `The call is not what its header says: ${verified.trouble}.` };
        id = verified.run;
        remember(executions, cacheKey, { claimed, run: id }, remembered);
      }
      const run = id === undefined ? null : await runOf(id);
      return run === null ? unknown() : { kind: 'known', who: { header, execution, run } };
    },
  };
}

function unknown(): Identified {
  return { kind: 'refused', code: 'run_unknown', message: 'The ledger knows no such run.' };
}

function remember<V>(map: Map<string, V>, key: string, value: V, atMost: number): void {
  if (map.size >= atMost) {
    const oldest = map.keys().next();
    if (oldest.done !== true) map.delete(oldest.value);
  }
  map.set(key, value);
}
