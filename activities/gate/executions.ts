import { parentPath } from '../../core/index.ts';
import type { CallHeader, DenialCode, ExecutionRef } from '../../core/index.ts';
import { findExecution, findRunIdentity, recordExecution } from '../../ledger/index.ts';
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

export function createIdentifier(parts: Pick<GateParts, 'db' | 'describe'>, remembered = REMEMBERED): Identifier {
  const runs = new Map<string, RunIdentity & { readonly workflowId: string }>();
  const executions = new Map<string, string>();

  async function runOf(header: CallHeader): Promise<(RunIdentity & { readonly workflowId: string }) | null> {
    const known = runs.get(header.run);
    if (known) return known;
    const found = await findRunIdentity(parts.db, header.run);
    if (found === null) return null;
    const run = { id: header.run, ...found };
    remember(runs, header.run, run, remembered);
    return run;
  }

  /** Null = borne out; otherwise why not. */
  async function verify(run: string, workflowId: string, path: string, execution: ExecutionRef, depth: number): Promise<string | null> {
    const recorded = await findExecution(parts.db, execution);
    if (recorded !== null) return recorded.run === run && recorded.path === path ? null : 'this execution belongs to another run or path';
    if (depth > DEEPEST) return 'its chain of parents is too long';
    const described = await parts.describe(execution);
    if (described === null) return 'Temporal does not know this execution';
    const above = parentPath(path);
    if (above === null) {
      if (execution.workflowId !== workflowId || described.parent !== null) return 'it is not the execution that this run started';
    } else {
      if (described.parent === null) return 'it says that it is a child, and has no parent';
      const trouble = await verify(run, workflowId, above, described.parent, depth + 1);
      if (trouble !== null) return `its parent is not part of the run: ${trouble}`;
    }
    const accepted = await recordExecution(parts.db, { ...execution, firstRunId: described.firstRunId, path, run });
    return accepted ? null : 'the run was started as another execution';
  }

  return {
    async identify(header, execution) {
      const run = await runOf(header);
      if (run === null) return { kind: 'refused', code: 'run_unknown', message: 'The ledger knows no such run.' };
      const cacheKey = `${execution.workflowId}\n${execution.runId}`;
      const claimed = `${header.run}\n${header.path}`;
      if (executions.get(cacheKey) !== claimed) {
        const trouble = await verify(header.run, run.workflowId, header.path, execution, 0);
        if (trouble !== null)
          return { kind: 'refused', code: 'execution_mismatch', message: `The call is not what its header says: ${trouble}.` };
        remember(executions, cacheKey, claimed, remembered);
      }
      return { kind: 'known', who: { header, execution, run } };
    },
  };
}

function remember<V>(map: Map<string, V>, key: string, value: V, atMost: number): void {
  if (map.size >= atMost) {
    const oldest = map.keys().next();
    if (oldest.done !== true) map.delete(oldest.value);
  }
  map.set(key, value);
}
