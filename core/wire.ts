import type { HoldId, Millis, RunId, StepKey } from './names.ts';
import type { Denial } from './policy-ruling.ts';
import type { Mode } from './run.ts';

/**
 * What crosses between the worker, the workflow sandbox and the operator's side: headers, signals and
 * failures. None of it is proof of anything: the ledger alone grants, denies and expires.
 */

/** Name of the Temporal header; its payload is JSON, readable, and holds no secret. */
export const HEADER = 'holdpoint';
/**
 * A marker that the worker looks for in the workflow bundle before it starts. Put together here, so that the
 * text stands in a bundle only where `workflows/waiting-room.ts` does, and not wherever this file does.
 */
export const WAITING_ROOM_MARKER = ['holdpoint', 'waiting-room', 'v1'].join('.');
/** Signal to a waiting workflow: ask again. Argument: `Wake`. */
export const WAKE_SIGNAL = 'holdpoint.wake';
/** Internal activity by which a cancelled wait withdraws its hold. No arguments; its header says which call. */
export const WITHDRAW_ACTIVITY = 'holdpoint.withdraw';

/**
 * In place of a run's id, in the headers of an execution that was started elsewhere and of what it starts: the gate
 * finds out which run it is, and adopts it at its first call.
 */
export const ADOPTED_RUN: RunId = '@adopted';

/** In the start header of every execution of a run, children and continued executions included. */
export interface RunHeader {
  readonly v: 1;
  readonly run: RunId;
  /** Logical path of the execution: '' for the root, `/3` for the child that the root's third ordinal started. */
  readonly path: string;
  /** The next ordinal; above 1 after continue-as-new. */
  readonly next: number;
  /** Task queues whose workers have the gate. */
  readonly queues: readonly string[];
  /** What the configuration lets pass without the gate: `activity:NAME`, `queue:NAME`, `nexus:ENDPOINT`, `signal:NAME`. */
  readonly ungoverned: readonly string[];
  readonly mode: Mode;
}

/** In the header of every governed activity. */
export interface CallHeader {
  readonly v: 1;
  readonly run: RunId;
  readonly path: string;
  readonly key: StepKey;
}

/** `key: null` wakes every call of the run. */
export interface Wake {
  readonly key: StepKey | null;
}

/** Failure types (`ApplicationFailure.type`) by which the gate answers; `details[0]` is the body named beside each. */
export const FAILURES = {
  /** `HoldBody`: wait, then ask again. Never retried by Temporal; benign. */
  hold: 'HoldpointHold',
  /** `LaterBody`: sleep, then ask again. Never retried by Temporal; benign. */
  later: 'HoldpointLater',
  /** No body: the run was killed. Block; never throw into the developer's code. */
  fenced: 'HoldpointFenced',
  /** `Denial`: the agent is told, and may do something else. */
  denied: 'ActionDenied',
  /** `FailedBody`: the effect failed for good. */
  failed: 'ActionFailed',
  /** `RefusedBody`: thrown by the waiting room itself, for what would leave the governed part. Never retried. */
  refused: 'HoldpointRefused',
} as const;

export interface HoldBody {
  readonly hold: HoldId;
  readonly kind: string;
  readonly reason: string;
  readonly askAgainAfter: Millis;
}
export interface LaterBody {
  readonly after: Millis;
  readonly reason: string;
}
export interface FailedBody {
  readonly action: string;
  readonly message: string;
}
export type DeniedBody = Denial;
/** `queue_ungoverned`, `nexus_ungoverned`, `signal_ungoverned`, `cron_refused`, or a chain's refusal. */
export interface RefusedBody {
  readonly code: string;
  readonly message: string;
}

/**
 * A result that came from arguments which an approver changed is wrapped on its way to the workflow,
 * so that the agent can be told. A result that has this key by itself is wrapped too.
 */
export const EDITED_KEY = 'holdpoint.edited';
export interface EditedResult {
  readonly [EDITED_KEY]: { readonly key: StepKey; readonly by: string; readonly changes: unknown } | null;
  readonly result: unknown;
}

/** Time-outs that the waiting room sets on every governed activity; the gate enforces the action's own. */
export const GOVERNED_ACTIVITY_OPTIONS = {
  /** Far above any action's time-out: the gate ends the effect, not Temporal. */
  startToCloseTimeout: 86_400_000,
  /** A worker that is silent for this long is dead; the gate beats four times as often. */
  heartbeatTimeout: 10_000,
  retry: { initialInterval: 500, backoffCoefficient: 2, maximumInterval: 30_000 },
} as const satisfies { startToCloseTimeout: Millis; heartbeatTimeout: Millis; retry: object };

/** A claim holds this long without a heartbeat; below `heartbeatTimeout`, so that the next attempt need not wait. */
export const LEASE: Millis = 8_000;
export const HEARTBEAT_EVERY: Millis = 2_500;
/** An effect begins within this time of its claim, or never. */
export const BEGIN_WITHIN: Millis = 1_000;
