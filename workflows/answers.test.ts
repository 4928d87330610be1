import { ActivityFailure, ApplicationFailure, ChildWorkflowFailure } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { FAILURES } from '../core/index.ts';
import { answerOf, denialOf, failureOf, refusalOf } from './answers.ts';

const denial = { code: 'approval_denied', message: 'Not today', policies: [], by: 'person:ada', askAgain: false };
const failed = { action: 'git.push', message: 'no route' };

function application(type: string, ...details: unknown[]): ApplicationFailure {
  return ApplicationFailure.create({ type, nonRetryable: true, details });
}
function activity(cause: Error): ActivityFailure {
  return new ActivityFailure('Activity task failed', 'act', '1', 'NON_RETRYABLE_FAILURE', 'worker', cause);
}
function child(cause: Error): ChildWorkflowFailure {
  return new ChildWorkflowFailure('default', { workflowId: 'w', runId: 'r' }, 'steps', 'NON_RETRYABLE_FAILURE', cause);
}

describe('answerOf', () => {
  it.each([
    [FAILURES.hold, { hold: 'h', kind: 'approval', reason: 'r', askAgainAfter: 5 }, { kind: 'hold', askAgainAfter: 5 }],
    [FAILURES.hold, { unreadable: true }, { kind: 'hold', askAgainAfter: 60_000 }],
    [FAILURES.later, { after: 7, reason: 'r' }, { kind: 'later', after: 7 }],
    [FAILURES.later, undefined, { kind: 'later', after: 60_000 }],
    [FAILURES.fenced, undefined, { kind: 'fenced' }],
    [FAILURES.denied, denial, { kind: 'final' }],
    [FAILURES.failed, failed, { kind: 'final' }],
    ['Other', undefined, { kind: 'final' }],
  ])('reads %s with %j', (type, body, answer) => {
    expect(answerOf(activity(application(type, body)))).toEqual(answer);
    // As a local activity fails.
    expect(answerOf(application(type, body))).toEqual(answer);
  });

  it.each([[new Error('x')], ['text'], [undefined]])('takes %s for final', (error) => {
    expect(answerOf(error)).toEqual({ kind: 'final' });
  });

  it('does not take the hold of a child for one of its own', () => {
    expect(answerOf(child(activity(application(FAILURES.hold))))).toEqual({ kind: 'final' });
  });
});

describe('what a workflow reads from an error', () => {
  it('is found in an activity, in a child, and on its own', () => {
    for (const wrap of [activity, (error: Error) => child(activity(error)), (error: Error) => error]) {
      expect(denialOf(wrap(application(FAILURES.denied, denial)))).toEqual(denial);
      expect(failureOf(wrap(application(FAILURES.failed, failed)))).toEqual(failed);
      expect(refusalOf(wrap(application(FAILURES.refused, { code: 'cron_refused', message: 'm' })))).toEqual({
        code: 'cron_refused',
        message: 'm',
      });
    }
  });

  it('is null where the error is something else', () => {
    for (const error of [new Error('x'), activity(application('Other', denial)), activity(application(FAILURES.denied)), null, 'text']) {
      expect([denialOf(error), failureOf(error), refusalOf(error)]).toEqual([null, null, null]);
    }
  });

  it('is not looked for without end', () => {
    const circle = new Error('x');
    circle.cause = circle;
    expect(denialOf(circle)).toBeNull();
  });
});
