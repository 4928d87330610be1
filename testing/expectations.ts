import type { ActionRegistry } from '../activities/index.ts';
import { Refusal, canonicalOf } from '../core/index.ts';
import type { ActionName, CallState, CanonicalText } from '../core/index.ts';
import type { CallRecord, HoldRecord, RunRecord } from '../ledger/index.ts';
import { knownAction } from './effect-record.ts';
import type { Effect } from './effect-record.ts';

/** An action and its input, parsed by the action's schema and in canonical form; null = any input. */
export interface Expected {
  readonly action: ActionName;
  readonly input: CanonicalText | null;
}

/** Throws `Refusal`: `action_unknown`, and `expectation_invalid` for an input that the action would never get. */
export function expectedCall(registry: ActionRegistry, action: ActionName, input: unknown): Expected {
  const { action: declared } = knownAction(registry, action);
  if (input === undefined) return { action, input: null };
  const parsed = declared.input.safeParse(input);
  if (parsed.success) return { action, input: canonicalOf(parsed.data) };
  const [issue] = parsed.error.issues;
  const why = `"${issue?.path.map(String).join('.') || '(whole)'}": ${issue?.message ?? 'invalid'}`;
  throw new Refusal('invalid', 'expectation_invalid', `No call of ${action} can have the expected input: ${why}.`, {
    hint: 'Expect what the workflow passes to the action.',
  });
}

/** As `expectedCall`; also throws `expectation_invalid` for an action that only reads, since it has no effect. */
export function expectedEffects(registry: ActionRegistry, listed: readonly (string | readonly [string, unknown])[]): readonly Expected[] {
  return listed.map((entry) => {
    const [action, input] = typeof entry === 'string' ? [entry, undefined] : entry;
    if (!knownAction(registry, action).action.annotations.readOnly) return expectedCall(registry, action, input);
    throw new Refusal('invalid', 'expectation_invalid', `${action} is read-only: it has no effect that could be expected.`, {
      hint: 'Leave it out; effects are those of actions that are not read-only.',
    });
  });
}

/** Whether a call as the ledger has it, with the input as the workflow sent it, is the expected one. */
export function isCall(registry: ActionRegistry, { action, input }: Expected, call: Pick<HoldRecord, 'action' | 'input'>): boolean {
  if (call.action !== action) return false;
  if (input === null) return true;
  const parsed = registry.get(action)?.action.input.safeParse(call.input === null ? null : JSON.parse(call.input));
  return parsed?.success === true && canonicalOf(parsed.data) === input;
}

function isEffect({ action, input }: Expected, effect: Effect): boolean {
  return effect.action === action && (input === null || canonicalOf(effect.input ?? null) === input);
}

/** `same`; `fewer` = all that began is as expected, and more is to come; `other` = it can no longer become the same. */
export function compareEffects(expected: readonly Expected[], began: readonly Effect[]): 'same' | 'fewer' | 'other' {
  const alike = began.every((effect, at) => expected[at] !== undefined && isEffect(expected[at], effect));
  if (!alike) return 'other';
  return began.length === expected.length ? 'same' : 'fewer';
}

export function effectsDiffer(run: RunRecord, expected: readonly Expected[], began: readonly Effect[]): string {
  const actual = began.map(({ action, input }) => ({ action, input: canonicalOf(input ?? null) }));
  return [
    `The effects of ${run.id} are not the expected ones.`,
    section('Expected', expected.map(callLine)),
    section('Began', actual.map(callLine)),
    stateOf(run),
  ].join('\n\n');
}

export interface Happened {
  readonly run: RunRecord;
  readonly holds: readonly HoldRecord[];
  readonly calls: readonly CallRecord[];
}

/** `headline`, and what was held and called instead. */
export function instead(headline: string, { run, holds, calls }: Happened): string {
  const held = holds.toReversed().map((hold) => `${hold.action === null ? 'the whole run' : callLine(hold)}: ${hold.state.kind}`);
  const called = calls.map((call) => `${callLine(call)}: ${stateText(call.state)}`);
  return [headline, section('Held', held), section('Called', called), stateOf(run)].join('\n\n');
}

export function callLine({ action, input }: { readonly action: string | null; readonly input: string | null }): string {
  return `${action ?? ''} ${input ?? '(any input)'}`;
}

function stateText(state: CallState): string {
  switch (state.kind) {
    case 'failed':
    case 'unknown':
      return `${state.kind}: ${state.error}`;
    case 'refused':
      return `refused: ${state.denial.message}`;
    default:
      return state.kind;
  }
}

function section(title: string, lines: readonly string[]): string {
  return `${title}:\n${lines.length === 0 ? '  (nothing)' : lines.map((line) => `  ${line}`).join('\n')}`;
}

function stateOf({ id, state, closedReason }: RunRecord): string {
  return `${id} is ${state}${closedReason === null ? '' : `. ${closedReason}`}`;
}
