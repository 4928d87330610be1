import type { Context } from '@cedar-policy/cedar-wasm/nodejs';
import type { ActionName, Denial, DenialCode, Json, PolicyRuling, Principal, Requirement, WouldBe } from '../core/index.ts';
import type { ActionShape } from './cedar-schema.ts';
import { undeclaredMembers } from './cedar-schema.ts';
import { cedarValue, mismatch, reservedKey } from './cedar-value.ts';
import { answer } from './answer.ts';
import type { Answer } from './answer.ts';
import type { Evaluation } from './evaluate.ts';
import { actionsOf } from './slices.ts';
import type { LoadedPolicy, Slice } from './slices.ts';

/** What the gate asks the policies. `input` is parsed and has no secret's value; `facts` are null where the action resolves none. */
export interface PolicyCall {
  readonly agent: string;
  readonly action: ActionName;
  readonly input: Json;
  readonly facts: Json | null;
  readonly run: { readonly workflow: string; readonly requesters: readonly Principal[]; readonly labels: Readonly<Record<string, string>> };
}

/** How a ruling came about. */
export interface Explanation {
  readonly call: Pick<PolicyCall, 'agent' | 'action'>;
  readonly ruling: PolicyRuling;
  /** Policies that can concern this agent's calls of this action. */
  readonly considered: readonly string[];
  /** With every one of them; null where the call never came before Cedar. */
  readonly first: Evaluation | null;
  /** Without those that ask for people; null unless only such policies stood in the way. */
  readonly second: Evaluation | null;
  /** What each `@hold` that applies asks for, also where something else refuses the call. */
  readonly requirements: readonly Requirement[];
  /** Members of input and facts that the action does not declare, and policies do not see. */
  readonly undeclared: readonly string[];
}

export interface Judge {
  /** Hash of the policy set. */
  readonly hash: string;
  readonly shapes: ReadonlyMap<ActionName, ActionShape>;
  readonly sliceFor: (shape: ActionShape, agent: string) => Slice;
}

/**
 * What the policies say of one call. Without a permit, or with a forbid, it is denied. Where every forbid that applies
 * has a `@hold`, the rest is asked again: a permit must remain, and then the call needs the people that they name.
 * An error anywhere denies.
 */
export function judge({ hash, shapes, sliceFor }: Judge, call: PolicyCall): Explanation {
  const { agent, action } = call;
  const deny = (code: DenialCode, message: string, policies: readonly string[] = []): PolicyRuling => ({
    kind: 'deny',
    denial: { code, message, policies, by: null, askAgain: false } satisfies Denial,
    policySet: hash,
  });
  const early = (ruling: PolicyRuling): Explanation => ({
    call: { agent, action },
    ruling,
    considered: [],
    first: null,
    second: null,
    requirements: [],
    undeclared: [],
  });

  const shape = shapes.get(action);
  if (shape === undefined) return early(deny('action_undeclared', `The action "${action}" is not declared.`));
  const reserved = reservedKey(call.input, 'input');
  if (reserved !== null) return early(deny('input_invalid', `${reserved} is nested too deep, or has a name that policies reserve.`));
  const built = contextOf(call, shape);
  if (typeof built === 'string') return early(deny('policy_error', `The policies cannot judge this call of ${action}: ${built}.`));

  const slice = sliceFor(shape, agent);
  const question = { agent, action, context: cedarValue(built, slice.context) as Context };
  const { first, second, requirements } = answer(slice, question);
  const ruling = rule(slice, { first, second, requirements });

  return {
    call: { agent, action },
    ruling: ruling.kind === 'allow' && slice.withObserved !== null ? { ...ruling, ...wouldBeOf(slice.withObserved) } : ruling,
    considered: (slice.withObserved ?? slice).policies.map(({ id }) => id),
    first,
    second,
    requirements,
    undeclared: [
      ...undeclaredMembers(call.input, shape.manifest.input, 'input'),
      ...undeclaredMembers(call.facts, shape.manifest.facts, 'facts'),
    ],
  };

  function wouldBeOf(observed: Slice): { readonly wouldBe?: WouldBe } {
    const ruled = rule(observed, answer(observed, question));
    switch (ruled.kind) {
      case 'allow':
        return {};
      case 'deny': {
        const { code, message, policies } = ruled.denial;
        return { wouldBe: { verdict: 'deny', what: code, reason: message, policies, asks: [] } };
      }
      case 'requires': {
        const reason = ruled.requires.map((one) => one.reason).join('; ');
        const policies = ruled.requires.map((one) => one.policy);
        const asks = [...new Set(ruled.requires.map((one) => one.approvers))];
        return { wouldBe: { verdict: 'hold', what: 'approval', reason, policies, asks } };
      }
    }
  }

  function rule(asked: Slice, { first: all, second: rest, requirements: requires }: Answer): PolicyRuling {
    const last = rest ?? all;
    const determining = asked.policies.filter(({ id }) => last.decision === 'deny' && last.determining.includes(id));
    const plain = determining.filter(({ requirement }) => requirement === null);
    if (plain.length > 0)
      return deny(
        'policy_forbids',
        forbidden(call, plain),
        plain.map(({ id }) => id),
      );
    if (last.errors.length > 0)
      return deny(
        'policy_error',
        failed(call, last),
        last.errors.flatMap(({ policy }) => policy ?? []),
      );
    if (last.decision === 'deny') return deny('policy_silent', silent(call, asked));
    if (rest === null) return { kind: 'allow', policies: last.determining, policySet: hash };
    return {
      kind: 'requires',
      requires,
      policies: [...all.determining, ...rest.determining].toSorted(),
      policySet: hash,
    };
  }
}

/** The call as `context`, or why it is none. */
function contextOf({ input, facts, run }: PolicyCall, { context, manifest }: ActionShape): Readonly<Record<string, Json>> | string {
  const reserved = reservedKey(facts, 'facts');
  if (reserved !== null) return `${reserved} is nested too deep, or has a name that policies reserve`;
  // `a=b` with value `c` and `a` with value `b=c` would be one and the same label.
  const ambiguous = Object.keys(run.labels).find((name) => name.includes('='));
  if (ambiguous !== undefined) return `the label ${JSON.stringify(ambiguous)} has a "=" in its name`;
  const labels = Object.entries(run.labels).map(([name, text]) => `${name}=${text}`);
  const { workflow, requesters } = run;
  const value = { input, facts, action: { ...manifest.annotations }, run: { workflow, requesters, labels } };
  return mismatch(value, context, 'context') ?? value;
}

function forbidden({ agent, action }: PolicyCall, policies: readonly LoadedPolicy[]): string {
  const named = policies.map(({ id, reason }) => (reason === null ? `"${id}"` : `"${id}" (${reason})`)).join(', ');
  return `${agent} may not do ${action}: forbidden by ${policies.length === 1 ? 'policy' : 'policies'} ${named}.`;
}

function failed({ agent, action }: PolicyCall, { errors }: Evaluation): string {
  const named = errors.map(({ policy, message }) => (policy === null ? message : `policy "${policy}": ${message}`)).join('; ');
  return `The policies could not judge ${action} by ${agent}, so it is refused: ${named}.`;
}

function silent({ agent, action }: PolicyCall, { policies }: Slice): string {
  const permits = policies.filter(({ json }) => json.effect === 'permit' && actionsOf(json) !== null).map(({ id }) => `"${id}"`);
  const unmet = permits.length === 0 ? '' : ` Permits whose conditions this call does not meet: ${permits.join(', ')}.`;
  const wanted = `permit (principal == Agent::${JSON.stringify(agent)}, action == Action::${JSON.stringify(action)}, resource);`;
  return `No policy permits ${agent} to do ${action}.${unmet} A policy that would: @id("…") ${wanted}`;
}
