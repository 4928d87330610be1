import { createHash } from 'node:crypto';
import { canonical, canonicalOf, isJson, LEASE, Refusal } from '../../core/index.ts';
import type { ActionName, CallRequest, CanonicalText, Denial, DenialCode, Digest, HoldId, Json, Micros, PolicyRuling } from '../../core/index.ts';
import type { Evidence, Resolved } from '../define-action.ts';
import type { RegisteredAction } from '../registry.ts';
import { literalSecrets, withoutLiterals } from '../secrets.ts';
import type { CallIdentity, GateParts, Policies } from './parts.ts';
import { shownOf } from './shown.ts';

/** How long `resolve` may take. */
const RESOLVE_WITHIN = 5_000;

/** An approver's changes, to be merged into the arguments before everything else. */
export interface MergedEdit {
  readonly hold: HoldId;
  readonly version: number;
  readonly changes: CanonicalText;
  readonly by: string;
}

/** A question that is ready for the ledger, but for the ids drawn anew for each asking. */
export interface Prepared {
  readonly request: Omit<CallRequest, 'token' | 'freshHold'>;
  /** What `run` gets, where the ruling lets it get that far. */
  readonly effect: { readonly input: unknown; readonly facts: unknown } | null;
}

/**
 * Turns one activity invocation into a question, before any lock is taken: parse, resolve facts, digest,
 * worst cost, policy ruling. What is wrong with the call becomes a denial, so that it is recorded and counted.
 */
export async function prepare(parts: GateParts, who: CallIdentity, name: ActionName, args: readonly unknown[], edit: MergedEdit | null): Promise<Prepared> {
  const registered = parts.actions.get(name);
  const policies = parts.policies();
  const asked: Question = { who, name, raw: asSent(args), policies, registered };
  if (registered === undefined) {
    const message = `No action named "${name}" is declared on this worker.`;
    return denied(asked, 'action_undeclared', message);
  }
  if (args.length > 1) return denied(asked, 'input_invalid', `${name} takes one argument, an object; got ${args.length}.`);
  if (!isJson(asked.raw)) return denied(asked, 'input_invalid', unrepresentable(asked.raw));

  const literals = literalSecrets(asked.raw, registered.manifest.secrets);
  if (literals.length > 0) {
    const message = `The field ${literals.join(', ')} of ${name} takes a reference "secret:NAME", never a secret itself.`;
    return denied({ ...asked, raw: withoutLiterals(asked.raw, literals) }, 'secret_literal', message);
  }
  const parsed = registered.action.input.safeParse(edit === null ? asked.raw : merged(asked.raw, edit));
  if (!parsed.success) return denied(asked, 'input_invalid', describeIssues(name, parsed.error.issues));

  const resolved = await readFacts(registered, parsed.data);
  if (resolved.kind === 'failed') return denied(asked, 'facts_unresolved', `What ${name} would act on could not be read: ${resolved.why}`);
  return ready(asked, registered, parsed.data, resolved, edit);
}

/** Reads the facts again; null = they could not be read. For the comparison right before the effect. */
export async function resolveAgain(registered: RegisteredAction, input: unknown): Promise<CanonicalText | null> {
  const resolved = await readFacts(registered, input);
  return resolved.kind === 'failed' || resolved.facts === undefined ? null : canonicalOf(resolved.facts);
}

interface Question {
  readonly who: CallIdentity;
  readonly name: ActionName;
  readonly raw: unknown;
  readonly policies: Policies;
  readonly registered: RegisteredAction | undefined;
}

function ready(asked: Question, registered: RegisteredAction, input: unknown, resolved: ResolvedFacts, edit: MergedEdit | null): Prepared {
  const { who, name, raw, policies } = asked;
  let inputText: CanonicalText;
  let factsText: CanonicalText | null;
  let worst: Micros;
  try {
    inputText = canonicalOf(input ?? null);
    factsText = resolved.facts === undefined ? null : canonicalOf(resolved.facts);
    worst = registered.action.cost?.worst(input) ?? (0 as Micros);
    if (!Number.isSafeInteger(worst) || worst < 0) throw new Refusal('invalid', 'money_invalid', `The worst cost of ${name} is ${String(worst)}, not a whole number of micro-USD.`);
  } catch (error) {
    return denied(asked, 'input_invalid', messageOf(error));
  }
  const inputJson = JSON.parse(inputText) as Json;
  const facts = factsText === null ? null : (JSON.parse(factsText) as Json);
  const { agent, workflow, requesters, labels } = who.run;
  const ruling = policies.rule({ agent, action: name, input: inputJson, facts, run: { workflow, requesters, labels } });
  return {
    request: {
      ...identity(asked, raw),
      digest: digestOf(name, inputText, factsText),
      input: inputText,
      facts: factsText,
      idempotent: registered.manifest.annotations.idempotent || registered.manifest.annotations.readOnly,
      worst,
      ruling,
      shown: shownOf(titleOf(registered, input), inputJson, facts, resolved.evidence),
      edit: edit === null ? null : { hold: edit.hold, version: edit.version },
    },
    effect: { input, facts: resolved.facts },
  };
}

function denied(asked: Question, code: DenialCode, message: string): Prepared {
  const denial: Denial = { code, message, policies: [], by: null, askAgain: code === 'facts_unresolved' };
  const ruling: PolicyRuling = { kind: 'deny', denial, policySet: asked.policies.hash };
  const storable: Json = isJson(asked.raw) ? asked.raw : { unrepresentable: true };
  return {
    request: {
      ...identity(asked, storable),
      digest: digestOf(asked.name, canonical(storable), null),
      input: canonical(storable),
      facts: null,
      idempotent: asked.registered?.manifest.annotations.idempotent ?? false,
      worst: 0 as Micros,
      ruling,
      shown: shownOf(asked.name, storable, null, []),
      edit: null,
    },
    effect: null,
  };
}

function identity({ who, name }: Question, raw: unknown): Pick<CallRequest, 'key' | 'action' | 'execution' | 'argsDigest' | 'lease'> {
  return { key: who.header.key, action: name, execution: who.execution, argsDigest: argsDigestOf(name, canonical(raw)), lease: LEASE };
}

/** SHA-256 of the canonical text of `{ action, facts, input }`: members are in order, and are canonical already. */
export function digestOf(action: ActionName, input: CanonicalText, facts: CanonicalText | null): Digest {
  return sha256(`{"action":${canonical(action)},"facts":${facts ?? 'null'},"input":${input}}`);
}

/** SHA-256 of the canonical text of `{ action, input }`. */
export function argsDigestOf(action: ActionName, input: CanonicalText): Digest {
  return sha256(`{"action":${canonical(action)},"input":${input}}`);
}

type ResolvedFacts = { readonly facts: unknown; readonly evidence: readonly Evidence[] };

async function readFacts(registered: RegisteredAction, input: unknown): Promise<({ kind: 'read' } & ResolvedFacts) | { kind: 'failed'; why: string }> {
  const { resolve, facts: schema } = registered.action;
  if (resolve === undefined || schema === undefined) return { kind: 'read', facts: undefined, evidence: [] };
  const signal = AbortSignal.timeout(RESOLVE_WITHIN);
  const tooLate = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error(`it took more than ${RESOLVE_WITHIN / 1_000} s`)), { once: true });
  });
  try {
    const resolved: Resolved<unknown> = await Promise.race([resolve(input, { signal }), tooLate]);
    const parsed = schema.safeParse(resolved.facts);
    if (!parsed.success) return { kind: 'failed', why: describeIssues('its facts', parsed.error.issues) };
    return { kind: 'read', facts: parsed.data, evidence: resolved.evidence ?? [] };
  } catch (error) {
    return { kind: 'failed', why: messageOf(error) };
  }
}

/** The single argument as the workflow sent it; no argument counts as an empty object. */
function asSent(args: readonly unknown[]): unknown {
  return args.length === 0 ? {} : args.length === 1 ? args[0] : [...args];
}

function merged(raw: unknown, edit: MergedEdit): unknown {
  return { ...(raw as object), ...(JSON.parse(edit.changes) as object) };
}

function titleOf(registered: RegisteredAction, input: unknown): string {
  try {
    return registered.action.title?.(input) ?? registered.manifest.summary;
  } catch {
    return registered.manifest.summary;
  }
}

function unrepresentable(raw: unknown): string {
  try {
    canonical(raw);
    return 'The arguments are not JSON.';
  } catch (error) {
    return messageOf(error);
  }
}

function describeIssues(what: string, issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]): string {
  const told = issues.slice(0, 5).map((issue) => `"${issue.path.map(String).join('.') || '(whole)'}": ${issue.message}`);
  return `The input of ${what} does not fit its schema: ${told.join('; ')}.`;
}

function sha256(text: string): Digest {
  return createHash('sha256').update(text, 'utf8').digest('hex') as Digest;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
