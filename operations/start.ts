import type { Client } from '@temporalio/client';
import { fromLedger } from '../approvals/index.ts';
import { Refusal, canonical } from '../core/index.ts';
import type { CanonicalText, Json, Millis, Mode, Principal, RunHeader, RunId, RunLimits } from '../core/index.ts';
import { closeRun, createRun, fenceRuns, findRun, recordStart } from '../ledger/index.ts';
import type { Database } from '../ledger/index.ts';
import { describeExecution } from './executions.ts';
import { drawRunId } from './run-id.ts';
import { startWorkflow } from './start-workflow.ts';
import { troubleOf } from './temporal-trouble.ts';

export interface StartDeps {
  readonly db: Database;
  readonly client: Client;
  /** How long Temporal may take to answer. Default 10 s. */
  readonly within?: Millis;
}

export interface RunAsk {
  /** Drawn by a caller that may ask twice: the same id again starts nothing new. Default: drawn here. */
  readonly id?: RunId | undefined;
  /** The workflow's type. */
  readonly workflow: string;
  readonly taskQueue: string;
  /** The workflow's one argument. Secrets in it must be references by now. */
  readonly input: Json;
  readonly agent: string;
  readonly requesters: readonly Principal[];
  readonly labels: Readonly<Record<string, string>>;
  readonly limits: RunLimits;
  /** Task queues whose workers have the gate; the run's own is always one of them. */
  readonly queues: readonly string[];
  /** See `RunHeader`. Default: nothing. */
  readonly ungoverned?: readonly string[];
  /** Default: `enforce`. */
  readonly mode?: Mode;
}

export interface StartedRun {
  readonly run: RunId;
  readonly firstRunId: string;
}

/** Bytes of JSON text; Temporal refuses payloads above 2 MiB, encoding and codec included. */
export const MAX_INPUT_BYTES = 2_000_000;
const DEFAULT_WITHIN: Millis = 10_000;
/** Who fences a run that nobody can say has started. */
const OURSELVES = 'holdpoint';

/**
 * Starts a run: its row first, so that the gate knows it from its first call on, then the workflow. Where
 * Temporal refuses, the run is closed as failed. Throws `Refusal` `payload_too_large`, `start_refused`,
 * `temporal_unavailable`, `ledger_away`, `json_unrepresentable`.
 */
export async function startRun({ db, client, within = DEFAULT_WITHIN }: StartDeps, ask: RunAsk): Promise<StartedRun> {
  const input = checkedInput(ask.input);
  const run = ask.id ?? drawRunId();
  const { agent, workflow, requesters, labels, limits, taskQueue, mode = 'enforce' } = ask;
  const made = await fromLedger(
    createRun(db, { id: run, agent, workflow, requesters, labels, limits, mode, workflowId: run, taskQueue, input }),
  );
  if (made === 'exists') {
    const known = await fromLedger(findRun(db, run));
    if (known !== null && known.firstRunId !== null) return { run, firstRunId: known.firstRunId };
    if (known !== null && known.closed !== null) throw neverStarted(run);
  }
  const header: RunHeader = {
    v: 1,
    run,
    path: '',
    next: 1,
    queues: [...new Set([taskQueue, ...ask.queues])],
    ungoverned: ask.ungoverned ?? [],
    mode,
  };
  const deadline = Date.now() + within;
  try {
    const firstRunId = await client.withDeadline(deadline, () => startWorkflow(client, { header, workflow, taskQueue, input: ask.input }));
    return await started(db, run, firstRunId);
  } catch (error) {
    const trouble = troubleOf(error);
    const firstRunId = trouble === 'refused' ? null : await lookUp(client, run);
    if (firstRunId !== null) return await started(db, run, firstRunId);
    // Where the same run was asked for twice, the other start counts; the reconciler finds out what became of it.
    if (made === 'created' && trouble !== 'started') await abandon(db, run, error);
    throw notStarted(run, error);
  }
}

function checkedInput(input: Json): CanonicalText {
  const text = canonical(input);
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_INPUT_BYTES) return text;
  throw new Refusal('invalid', 'payload_too_large', `The input has ${bytes} bytes of JSON; at most ${MAX_INPUT_BYTES} can be sent.`, {
    hint: 'Put the data where the actions can read it, and pass its name.',
    data: { bytes, most: MAX_INPUT_BYTES },
  });
}

/** The workflow runs, whatever the ledger says now: the reconciler, or the first claim, records what is missing. */
async function started(db: Database, run: RunId, firstRunId: string): Promise<StartedRun> {
  await recordStart(db, run, firstRunId).catch(() => undefined);
  return { run, firstRunId };
}

/** After an answer that never came: Temporal's first run id if the workflow is there after all. */
async function lookUp(client: Client, run: RunId): Promise<string | null> {
  try {
    const execution = await client.withDeadline(Date.now() + 2_000, () => describeExecution(client, run));
    return execution.kind === 'known' ? execution.firstRunId : null;
  } catch {
    return null;
  }
}

async function abandon(db: Database, run: RunId, error: unknown): Promise<void> {
  const refused = troubleOf(error) === 'refused';
  // A start whose answer was lost may still be on its way; the fence sees to it that it does nothing.
  if (!refused) await fromLedger(fenceRuns(db, { runs: [run] }, { by: OURSELVES, reason: 'Temporal did not answer the start' }));
  await fromLedger(closeRun(db, run, 'failed', `Temporal ${refused ? 'refused the start' : 'did not answer'}: ${messageOf(error)}`));
}

function notStarted(run: RunId, error: unknown): Refusal {
  return troubleOf(error) === 'refused'
    ? new Refusal('refused', 'start_refused', `Temporal refused to start run ${run}: ${messageOf(error)}`, {
        hint: 'Check the workflow, the task queue and the namespace. Nothing of the run has happened.',
        data: { run },
        cause: error,
      })
    : new Refusal('unreachable', 'temporal_unavailable', `Temporal did not answer when run ${run} was to start: ${messageOf(error)}`, {
        hint: 'Check that Temporal runs and that its address is right, then start another run. This one will do nothing.',
        data: { run },
        cause: error,
      });
}

function neverStarted(run: RunId): Refusal {
  return new Refusal('conflict', 'run_closed', `Run ${run} was closed before it started, and a closed run does not start.`, {
    hint: 'Start another run, with another Idempotency-Key.',
    data: { run },
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
