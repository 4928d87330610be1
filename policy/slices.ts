import { createHash } from 'node:crypto';
import { preparsePolicySet } from '@cedar-policy/cedar-wasm/nodejs';
import type { EntityUidJson, PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { Refusal } from '../core/index.ts';
import type { ActionName } from '../core/index.ts';
import type { ReadAnnotations } from './annotations.ts';
import type { Answer } from './answer.ts';
import type { ActionShape } from './cedar-schema.ts';
import type { CedarType } from './cedar-type.ts';
import { contextReads, prune } from './context-reads.ts';
import { messageOf } from './parse-policies.ts';
import type { ParsedPolicy } from './parse-policies.ts';

/** A policy whose annotations were found right. */
export interface LoadedPolicy extends ParsedPolicy, ReadAnnotations {}

/** The policies that can concern one agent's calls of one action. */
export interface Slice {
  readonly policies: readonly LoadedPolicy[];
  /** Under this name Cedar has all of them that are in force. */
  readonly all: string;
  /** The same with those in observe; null where none is. */
  readonly withObserved: Slice | null;
  /** Under this name it has those that do not ask; null where none asks. */
  readonly withoutHolds: string | null;
  /** The part of the call's context that they read. */
  readonly context: CedarType;
  /** What was asked before; see `answer`. */
  readonly answers: Map<string, Answer>;
}

/**
 * Slices by action, and by agent where a policy names one: Cedar evaluates every policy it is given, at some 4 µs
 * each. Made when first asked for. Cedar keeps preparsed sets until the thread ends, and has no way to forget one;
 * names are made from content, so that loading the same policies again adds nothing.
 */
export function slicer(policies: readonly LoadedPolicy[]) {
  const slices = new Map<ActionName, Map<string | null, Slice>>();
  const named = new Set(policies.flatMap(({ json }) => agentOf(json) ?? []));

  return function sliceFor({ manifest: { action }, context }: ActionShape, agent: string): Slice {
    const agents = slices.get(action) ?? new Map<string | null, Slice>();
    slices.set(action, agents);
    const key = named.has(agent) ? agent : null;
    const made = agents.get(key);
    if (made !== undefined) return made;
    const concerned = policies.filter(({ json }) => (actionsOf(json)?.includes(action) ?? true) && (agentOf(json) ?? key) === key);
    const slice = sliceOf(concerned, context);
    agents.set(key, slice);
    return slice;
  };
}

function sliceOf(concerned: readonly LoadedPolicy[], context: CedarType): Slice {
  const inForce = concerned.filter(({ observed }) => !observed);
  const slice = enforcing(inForce, context);
  return inForce.length === concerned.length ? slice : { ...slice, withObserved: enforcing(concerned, context) };
}

function enforcing(policies: readonly LoadedPolicy[], context: CedarType): Slice {
  const plain = policies.filter(({ requirement }) => requirement === null);
  return {
    policies,
    all: preparse(policies),
    withObserved: null,
    withoutHolds: plain.length === policies.length ? null : preparse(plain),
    context: prune(context, contextReads(policies.map(({ json }) => json))),
    answers: new Map(),
  };
}

function preparse(policies: readonly LoadedPolicy[]): string {
  const texts = Object.fromEntries(policies.map(({ id, text }) => [id, text]));
  const name = `holdpoint:${createHash('sha256').update(JSON.stringify(texts)).digest('hex')}`;
  const answer = preparsePolicySet(name, { staticPolicies: texts });
  if (answer.type === 'success') return name;
  throw new Refusal('failed', 'policy_syntax', `Cedar refused policies that it had read before: ${messageOf(answer.errors)}.`);
}

/** The actions that a policy's scope names, or null where it concerns every action. Actions have no groups. */
export function actionsOf({ action }: PolicyJson): readonly ActionName[] | null {
  if (action.op === 'All') return null;
  if ('entities' in action) return action.entities.map(nameOf);
  return 'entity' in action ? [nameOf(action.entity)] : null;
}

/** The one agent that a policy's scope names, or null where it concerns every agent. */
function agentOf({ principal }: PolicyJson): string | null {
  return principal.op === '==' && 'entity' in principal ? nameOf(principal.entity) : null;
}

function nameOf(entity: EntityUidJson): string {
  return '__entity' in entity ? entity.__entity.id : entity.id;
}
