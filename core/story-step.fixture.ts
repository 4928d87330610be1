import type { Outcome } from './call.ts';
import type { Choice, Raise } from './hold.ts';
import type { Micros, Millis, Principal, Token } from './names.ts';
import type { PolicyRuling } from './policy-ruling.ts';
import type { RunClosed } from './run.ts';
import { result } from './sample.fixture.ts';

/** `which` counts among what there is; a `choice` that is a number counts among those of the hold's kind. */
export type Step =
  | {
      readonly do: 'ask';
      readonly key: string;
      readonly action: string;
      readonly args: string;
      readonly worst: number;
      readonly replyLost: boolean;
    }
  | { readonly do: 'settle'; readonly which: number; readonly as: Outcome['kind']; readonly spend: number }
  | { readonly do: 'lose'; readonly which: number }
  | { readonly do: 'settle-late'; readonly which: number; readonly as: Outcome['kind'] }
  | {
      readonly do: 'decide';
      readonly which: number;
      readonly person: Principal;
      readonly choice: Choice | number;
      readonly edit: boolean;
      readonly stale: boolean;
      readonly raise: Raise;
    }
  | { readonly do: 'policy'; readonly action: string; readonly ruling: PolicyRuling }
  | { readonly do: 'facts'; readonly of: 'sent' | 'edited'; readonly facts: string }
  | { readonly do: 'advance'; readonly by: Millis }
  | { readonly do: 'withdraw'; readonly key: string }
  | { readonly do: 'close'; readonly as: RunClosed }
  | { readonly do: 'raise'; readonly raise: Raise }
  | { readonly do: 'sweep' | 'kill' };

/** Only these actions may run twice. */
export const isIdempotent = (action: string): boolean => action !== 'mail.send';

export function outcomeOf(kind: Outcome['kind'], amount: number, token: Token): Outcome {
  const spend = amount as Micros;
  switch (kind) {
    case 'succeeded':
      return { kind, spend, result: result(token) };
    case 'not-started':
      return { kind, why: 'too late' };
    default:
      return { kind, spend, error: 'it broke' };
  }
}
