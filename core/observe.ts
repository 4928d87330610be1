import type { PolicyRuling } from './policy-ruling.ts';
import type { Decided, Facts, Observed, Verdict } from './verdict.ts';

/**
 * What an enforcing gate would have answered, of a verdict that lets nothing begin. Null for one that does, and for the
 * kill fence, which an operator set and which binds in observe as well.
 */
export function observedOf(verdict: Verdict): Observed | null {
  switch (verdict.kind) {
    case 'allow':
    case 'fenced':
      return null;
    case 'hold': {
      const { kind, reason, requires } = verdict.hold;
      const asks = requires.length === 0 ? ['operators'] : [...new Set(requires.map(({ approvers }) => approvers))];
      return { verdict: 'hold', what: kind, reason, policies: requires.map(({ policy }) => policy), asks };
    }
    case 'deny': {
      const { code, message, policies } = verdict.denial;
      return { verdict: 'deny', what: code, reason: message, policies, asks: [] };
    }
    case 'later':
      return { verdict: 'later', what: 'later', reason: verdict.reason, policies: [], asks: [] };
    case 'recorded':
    case 'edited':
      return { verdict: 'recorded', what: 'recorded', reason: 'its recorded result would have answered', policies: [], asks: [] };
  }
}

/** What policies in observe would have said of a call that passes. */
export function wouldBe(ruling: PolicyRuling): Observed | null {
  return ruling.kind === 'allow' && ruling.wouldBe !== undefined ? ruling.wouldBe : null;
}

/** The audit's row for a call that passes though enforcement would have stopped it. */
export function observedEntry({ request }: Facts, observed: Observed): Decided['audit'][number] {
  const { verdict, what, reason, policies, asks } = observed;
  return { kind: 'call.observed', body: { key: request.key, action: request.action, verdict, what, reason, policies, asks } };
}
