import { createHash } from 'node:crypto';
import { canonical, canonicalOf, isJson, LEASE, Refusal } from '../../core/index.ts';
import type {
  ActionName,
  CallRequest,
  CanonicalText,
  Denial,
  DenialCode,
  Digest,
  HoldId,
  Json,
  Micros,
  PolicyRuling,
} from '../../core/index.ts';
import type { Evidence, Resolved } from '../define-action.ts';
import { namedArguments } from '../govern-activities.ts';
import type { RegisteredAction } from '../registry.ts';
import { literalSecrets, withoutLiterals } from '../secrets.ts';
import { errorText, plainText } from './error-text.ts';
import type { CallIdentity, GateParts, Policies } from './parts.ts';
import { shownOf } from './shown.ts';

/** How long `resolve` may take. */
const RESOLVE_WITHIN = 5_000;
/** In characters: of a refusal's message, of a title, and of a name that nothing declares. */
const LONGEST = { message: 2_000, title: 300, name: 200 } as const;

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
export async function prepare(
  parts: GateParts,
  who: CallIdentity,
  name: ActionName,
  args: readonly unknown[],
  edit: MergedEdit | null,
): Promise<Prepared> {
  const registered = parts.actions.get(name);
  const policies = parts.policies();
  if (registered === undefined) {
    // Temporal takes any name; the ledger does not.
    const shown = plainText(name, LONGEST.name);
    return denied(
      { who, name: shown, raw: args.length === 1 ? args[0] : [...args], policies, registered },
      'action_undeclared',
      `No action named "${shown}" is declared on this worker.`,
    );
  }
  const asked: Question = { who, name, raw: rawInput(registered, args), policies, registered };
  // Which fields of several arguments hold secrets, nobody declared: none is recorded.
  if (args.length > 1 && registered.action.positional === undefined)
    return denied(
      { ...asked, raw: { arguments: args.length } },
      'input_invalid',
      `${name} takes one argument, an object; got ${args.length}.`,
    );
  if (!isJson(asked.raw)) return denied(asked, 'input_invalid', unrepresentable(asked.raw));

  const { secrets } = registered.manifest;
  const refused = refuseLiterals(asked, literalSecrets(asked.raw, secrets));
  if (refused !== null) return refused;
  const parsed = parse(registered, edit === null ? asked.raw : merged(asked.raw, edit));
  if (!parsed.success) return denied(asked, 'input_invalid', `The input of ${name} ${parsed.why}.`);
  // A default, or a schema that moves things about, can put a literal where the caller put none.
  const moved = refuseLiterals(asked, literalSecrets(parsed.data, secrets));
  if (moved !== null) return moved;

  const resolved = await readFacts(registered, parsed.data);
  if (resolved.kind === 'failed') return denied(asked, 'facts_unresolved', `What ${name} would act on could not be read: ${resolved.why}`);
  return ready(asked, registered, parsed.data, resolved, edit);
}

/** The arguments as one object, which is what is judged. */
export function rawInput({ action: { positional } }: RegisteredAction, args: readonly unknown[]): unknown {
  if (positional !== undefined) return namedArguments(args, positional.names);
  return args.length === 0 ? {} : args[0];
}

/** Reads the facts again, for the comparison right before the effect; null = the action resolves none. Never throws. */
export async function resolveAgain(
  registered: RegisteredAction,
  input: unknown,
): Promise<{ readonly kind: 'read'; readonly text: CanonicalText | null } | { readonly kind: 'failed'; readonly why: string }> {
  const resolved = await readFacts(registered, input);
  if (resolved.kind === 'failed') return resolved;
  try {
    return { kind: 'read', text: resolved.facts === undefined ? null : canonicalOf(resolved.facts) };
  } catch (error) {
    return { kind: 'failed', why: errorText(error) };
  }
}

function refuseLiterals(asked: Question, literals: ReturnType<typeof literalSecrets>): Prepared | null {
  if (literals.length === 0) return null;
  const fields = literals.map((field) => field.join('.')).join(', ');
  const message = `The field ${fields} of ${asked.name} takes a reference "secret:NAME", never a secret itself.`;
  return denied({ ...asked, raw: withoutLiterals(asked.raw, literals) }, 'secret_literal', message);
}

/** A schema is the developer's code: it may throw, and zod throws where a part of it is asynchronous. */
function parse(
  { action }: RegisteredAction,
  raw: unknown,
): { readonly success: true; readonly data: unknown } | { readonly success: false; readonly why: string } {
  try {
    const parsed = action.input.safeParse(raw);
    return parsed.success ? parsed : { success: false, why: describeIssues(parsed.error.issues) };
  } catch (error) {
    return { success: false, why: `could not be checked: ${errorText(error)}` };
  }
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
    if (!Number.isSafeInteger(worst) || worst < 0)
      throw new Refusal('invalid', 'money_invalid', `The worst cost of ${name} is ${String(worst)}, not a whole number of micro-USD.`);
  } catch (error) {
    return denied(asked, 'input_invalid', errorText(error));
  }
  const inputJson = JSON.parse(inputText) as Json;
  const facts = factsText === null ? null : (JSON.parse(factsText) as Json);
  const { agent, workflow, requesters, labels } = who.run;
  let ruling: PolicyRuling;
  try {
    ruling = policies.rule({ agent, action: name, input: inputJson, facts, run: { workflow, requesters, labels } });
  } catch (error) {
    return denied(asked, 'policy_error', `The policies could not be evaluated: ${errorText(error)}`);
  }
  return {
    request: {
      ...identity(asked, raw),
      digest: digestOf(name, inputText, factsText),
      input: inputText,
      facts: factsText,
      worst,
      ruling,
      shown: shownOf(titleOf(registered, input), inputJson, facts, resolved.evidence),
      edit: edit === null ? null : { hold: edit.hold, version: edit.version },
    },
    effect: { input, facts: resolved.facts },
  };
}

function denied(asked: Question, code: DenialCode, message: string): Prepared {
  const denial: Denial = {
    code,
    message: plainText(message, LONGEST.message),
    policies: [],
    by: null,
    askAgain: code === 'facts_unresolved',
  };
  const ruling: PolicyRuling = { kind: 'deny', denial, policySet: asked.policies.hash };
  const storable: Json = isJson(asked.raw) ? asked.raw : { unrepresentable: true };
  return {
    request: {
      ...identity(asked, storable),
      digest: digestOf(asked.name, canonical(storable), null),
      input: canonical(storable),
      facts: null,
      worst: 0 as Micros,
      ruling,
      shown: shownOf(asked.name, storable, null, []),
      edit: null,
    },
    effect: null,
  };
}

function identity(
  { who, name, registered }: Question,
  raw: unknown,
): Pick<CallRequest, 'key' | 'action' | 'execution' | 'argsDigest' | 'idempotent' | 'lease'> {
  const { idempotent = false, readOnly = false } = registered?.manifest.annotations ?? {};
  const argsDigest = argsDigestOf(name, canonical(raw));
  return { key: who.header.key, action: name, execution: who.execution, argsDigest, idempotent: idempotent || readOnly, lease: LEASE };
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

async function readFacts(
  registered: RegisteredAction,
  input: unknown,
): Promise<({ kind: 'read' } & ResolvedFacts) | { kind: 'failed'; why: string }> {
  const { resolve, facts: schema } = registered.action;
  if (resolve === undefined || schema === undefined) return { kind: 'read', facts: undefined, evidence: [] };
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const reason = new Error(`it took more than ${RESOLVE_WITHIN / 1_000} s`);
      controller.abort(reason);
      reject(reason);
    }, RESOLVE_WITHIN);
  });
  try {
    const resolved: Resolved<unknown> = await Promise.race([resolve(input, { signal: controller.signal }), tooLate]);
    const parsed = schema.safeParse(resolved.facts);
    if (!parsed.success) return { kind: 'failed', why: `what "resolve" found ${describeIssues(parsed.error.issues)}` };
    return { kind: 'read', facts: parsed.data, evidence: resolved.evidence ?? [] };
  } catch (error) {
    return { kind: 'failed', why: errorText(error) };
  } finally {
    clearTimeout(timer);
  }
}

function merged(raw: unknown, edit: MergedEdit): unknown {
  return { ...(raw as object), ...(JSON.parse(edit.changes) as object) };
}

function titleOf({ action, manifest }: RegisteredAction, input: unknown): string {
  try {
    return plainText(action.title?.(input) ?? manifest.summary, LONGEST.title);
  } catch {
    return manifest.summary;
  }
}

function unrepresentable(raw: unknown): string {
  try {
    canonical(raw);
    return 'The arguments are not JSON.';
  } catch (error) {
    return errorText(error);
  }
}

/** Says of a value that it does not fit; the end of a sentence. */
function describeIssues(issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]): string {
  const told = issues.slice(0, 5).map((issue) => `"${issue.path.map(String).join('.') || '(whole)'}": ${issue.message}`);
  return `does not fit its schema: ${told.join('; ')}`;
}

function sha256(text: string): Digest {
  return createHash('sha256').update(text, 'utf8').digest('hex') as Digest;
}
