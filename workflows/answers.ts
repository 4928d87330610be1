import { ActivityFailure, ApplicationFailure } from '@temporalio/common';
import { FAILURES, parseDeniedBody, parseFailedBody, parseHoldBody, parseLaterBody, parseRefusedBody } from '../core/index.ts';
import type { Denial, FailedBody, Millis, RefusedBody } from '../core/index.ts';

/** How long to wait where an answer does not say it in a way that can be read. */
const ASK_AGAIN_AFTER: Millis = 60_000;
/** A failure that came up through this many executions is still recognised. */
const DEEPEST = 20;

/** What the gate answered instead of a result, as far as the waiting room acts on it. */
export type Answer =
  | { readonly kind: 'hold'; readonly askAgainAfter: Millis }
  | { readonly kind: 'later'; readonly after: Millis }
  | { readonly kind: 'fenced' }
  | { readonly kind: 'final' };

/** Reads an activity's failure. What is not the gate's own is final: it goes to the workflow as it is. */
export function answerOf(error: unknown): Answer {
  // The failure of a local activity comes without a wrapper.
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (!(cause instanceof ApplicationFailure)) return { kind: 'final' };
  const body: unknown = cause.details?.[0];
  switch (cause.type) {
    case FAILURES.hold:
      return { kind: 'hold', askAgainAfter: parseHoldBody(body)?.askAgainAfter ?? ASK_AGAIN_AFTER };
    case FAILURES.later:
      return { kind: 'later', after: parseLaterBody(body)?.after ?? ASK_AGAIN_AFTER };
    case FAILURES.fenced:
      return { kind: 'fenced' };
    default:
      return { kind: 'final' };
  }
}

/** Why an action was refused, from what its call threw; null where it was something else. Children's denials count. */
export function denialOf(error: unknown): Denial | null {
  return parseDeniedBody(bodyOf(error, FAILURES.denied));
}

/** What an action that failed for good reported; null where the error is something else. */
export function failureOf(error: unknown): FailedBody | null {
  return parseFailedBody(bodyOf(error, FAILURES.failed));
}

/** What the waiting room itself refused; null where the error is something else. */
export function refusalOf(error: unknown): RefusedBody | null {
  return parseRefusedBody(bodyOf(error, FAILURES.refused));
}

function bodyOf(error: unknown, type: string): unknown {
  let at = error;
  for (let level = 0; at instanceof Error && level < DEEPEST; level += 1) {
    if (at instanceof ApplicationFailure && at.type === type) return at.details?.[0];
    at = at.cause;
  }
  return undefined;
}
