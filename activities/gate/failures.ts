import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { FAILURES } from '../../core/index.ts';
import type { Denial, FailedBody, Hold, HoldBody, LaterBody, Millis } from '../../core/index.ts';

/** The gate's answers, as failures that the waiting room understands. All but `retry` are final for Temporal. */
function answer(type: string, message: string, details: unknown[]): ApplicationFailure {
  return ApplicationFailure.create({ type, message, details, nonRetryable: true, category: ApplicationFailureCategory.BENIGN });
}

export function heldFailure(hold: Hold, askAgainAfter: Millis): ApplicationFailure {
  const body: HoldBody = { hold: hold.id, kind: hold.kind, reason: hold.reason, askAgainAfter };
  return answer(FAILURES.hold, `Held: ${hold.reason}`, [body]);
}

export function laterFailure(after: Millis, reason: string): ApplicationFailure {
  const body: LaterBody = { after, reason };
  return answer(FAILURES.later, `Later: ${reason}`, [body]);
}

export function fencedFailure(): ApplicationFailure {
  return answer(FAILURES.fenced, 'The run was killed.', []);
}

export function deniedFailure(denial: Denial): ApplicationFailure {
  return answer(FAILURES.denied, denial.message, [denial]);
}

export function failedFailure(action: string, message: string): ApplicationFailure {
  const body: FailedBody = { action, message };
  return answer(FAILURES.failed, `${action} failed: ${message}`, [body]);
}

/** Temporal runs the activity again, which asks the gate again and adds no event. Where it was cancelled meanwhile, this is its end. */
export function retryFailure(action: string, message: string): ApplicationFailure {
  const body: FailedBody = { action, message };
  const category = ApplicationFailureCategory.BENIGN;
  return ApplicationFailure.create({ type: FAILURES.failed, message: `${action} failed: ${message}`, details: [body], category });
}
