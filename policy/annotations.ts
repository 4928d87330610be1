import { closestWord, parseDuration, Refusal, SEVERITIES, usd } from '../core/index.ts';
import type { ActionManifest, Millis, Requirement, Severity } from '../core/index.ts';
import type { ParsedPolicy } from './parse-policies.ts';
import type { ProblemCode } from './problem.ts';

export type Groups = Readonly<Record<string, readonly string[]>>;

/** What an annotation is judged against. `actions` are those that the policy can concern. */
export interface AnnotationScope {
  readonly groups: Groups;
  readonly actions: readonly ActionManifest[];
}

export interface AnnotationProblem {
  readonly code: ProblemCode;
  readonly message: string;
  readonly hint: string;
}

/** What a policy's annotations say. `requirement` is set for a `@hold` forbid and for no other policy. */
export interface ReadAnnotations {
  readonly id: string;
  readonly reason: string | null;
  readonly requirement: Requirement | null;
  /** `@mode("observe")`: what it would do is recorded, and it does nothing. */
  readonly observed: boolean;
}

const HOUR = 3_600_000;
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
/** Meaningless without `@hold`; a forbid that has one and no `@hold` was surely meant to ask. */
const OF_A_HOLD = ['approvers', 'quorum', 'deadline', 'valid', 'escalate', 'edits'] as const;
const KNOWN: readonly string[] = ['id', 'hold', ...OF_A_HOLD, 'reason', 'severity', 'raise_up_to', 'mode'];

type Judged =
  | { readonly read: ReadAnnotations; readonly problems: readonly [] }
  | { readonly read: null; readonly problems: readonly AnnotationProblem[] };
type Check = (value: string, scope: AnnotationScope) => AnnotationProblem | null;

/** The form of each value; rules between annotations are in `readAnnotations`. */
const CHECKS: Readonly<Record<string, Check>> = {
  id: (value) => (ID.test(value) ? null : form('id', value, 'has up to 100 letters, digits, ".", "_" and "-"')),
  hold: (value) => (value.trim() === '' ? form('hold', value, 'says why a person is asked') : null),
  reason: (value) => (value.trim() === '' ? form('reason', value, 'says why the policy exists') : null),
  approvers: (value, { groups }) => checkGroup('approvers', value, groups),
  escalate: (value, { groups }) => checkGroup('escalate', value, groups),
  quorum: (value) => (/^[1-9]\d{0,3}$/.test(value) ? null : form('quorum', value, 'is a whole number of at least 1')),
  deadline: (value) => checkDuration('deadline', value),
  valid: (value) => checkDuration('valid', value),
  severity: (value) => (isSeverity(value) ? null : form('severity', value, `is one of ${SEVERITIES.join(', ')}`)),
  mode: (value) => (value === 'enforce' || value === 'observe' ? null : form('mode', value, 'is enforce or observe')),
  raise_up_to: (value) => (isAmount(value) ? null : form('raise_up_to', value, 'is an amount of dollars such as "20" or "2.50"')),
  edits: checkEdits,
};

/** Judges one policy's annotations; with no problem, `read` is what they say. */
export function readAnnotations({ json, annotations }: ParsedPolicy, scope: AnnotationScope): Judged {
  const problems = Object.entries(annotations).flatMap(([name, value]) => checkOne(name, value, scope) ?? []);
  const get = (name: string): string | null => annotations[name] ?? null;
  if (!('id' in annotations)) {
    const hint = 'Begin the policy with @id("what-it-does"), unique in the folder.';
    problems.unshift({ code: 'policy_no_id', message: 'has no @id', hint });
  }
  problems.push(...checkHold(json.effect, annotations, scope.groups));
  if (json.effect === 'permit' && get('mode') === 'observe') {
    const hint = 'Remove @mode: a permit that does nothing would refuse what it permits.';
    problems.push(invalid('@mode("observe") stands on a permit; only a forbid can be observed', hint));
  }
  const id = get('id');
  if (problems.length > 0 || id === null) return { read: null, problems };
  const hold = get('hold');
  const severity = get('severity');
  const requirement = {
    policy: id,
    reason: hold ?? '',
    approvers: get('approvers') ?? '',
    quorum: Number(get('quorum') ?? 1),
    deadline: duration(get('deadline') ?? '') ?? 4 * HOUR,
    valid: duration(get('valid') ?? '') ?? HOUR,
    severity: severity !== null && isSeverity(severity) ? severity : 'medium',
    edits: fields(get('edits') ?? ''),
  } satisfies Requirement;
  return {
    read: { id, reason: get('reason'), requirement: hold === null ? null : requirement, observed: get('mode') === 'observe' },
    problems: [],
  };
}

function checkOne(name: string, value: string | null, scope: AnnotationScope): AnnotationProblem | null {
  const check = Object.hasOwn(CHECKS, name) ? CHECKS[name] : undefined;
  if (check === undefined) {
    const meant = closestWord(name, KNOWN);
    return invalid(`unknown annotation @${name}${meant === null ? '' : `; did you mean @${meant}?`}`, `Known are @${KNOWN.join(', @')}.`);
  }
  return value === null ? invalid(`@${name} has no value`, `Write @${name}("…").`) : check(value, scope);
}

function checkHold(effect: string, annotations: ParsedPolicy['annotations'], groups: Groups): readonly AnnotationProblem[] {
  const problems: AnnotationProblem[] = [];
  if (!('hold' in annotations)) {
    for (const name of OF_A_HOLD.filter((companion) => companion in annotations)) {
      problems.push(invalid(`@${name} stands without @hold`, `Add @hold("why a person is asked"), or remove @${name}.`));
    }
    return problems;
  }
  if (effect !== 'forbid') {
    const hint = 'Write the hold as a forbid, and a permit beside it.';
    problems.push(invalid('@hold stands on a permit; only a forbid can ask for people', hint));
  }
  if (!('approvers' in annotations)) {
    problems.push(invalid('@hold stands without @approvers', 'Name the group that decides: @approvers("GROUP").'));
  }
  const { approvers, quorum } = annotations;
  const size = new Set(typeof approvers === 'string' && Object.hasOwn(groups, approvers) ? groups[approvers] : []).size;
  if (size > 0 && Number(quorum ?? 1) > size) {
    problems.push({
      code: 'policy_group',
      message: `@quorum is "${quorum}", but the group "${approvers}" has ${size} ${size === 1 ? 'member' : 'members'}`,
      hint: 'Lower the quorum, or add people to the group in the configuration.',
    });
  }
  return problems;
}

function checkGroup(name: string, value: string, groups: Groups): AnnotationProblem | null {
  const members = Object.hasOwn(groups, value) ? groups[value] : undefined;
  if (members !== undefined && members.length > 0) return null;
  const meant = members === undefined ? closestWord(value, Object.keys(groups)) : null;
  const wrong = members === undefined ? 'is not configured' : 'has no members';
  return {
    code: 'policy_group',
    message: `@${name} names the group "${value}", which ${wrong}${meant === null ? '' : `; did you mean "${meant}"?`}`,
    hint: 'Add the group and its people to the configuration, or name another.',
  };
}

function checkDuration(name: string, value: string): AnnotationProblem | null {
  if (duration(value) !== null) return null;
  return form(name, value, 'is a positive duration of at most a year, such as "30m", "4h" or "2d"');
}

function checkEdits(value: string, { actions }: AnnotationScope): AnnotationProblem | null {
  const named = fields(value);
  if (named.length === 0 || named.includes('')) return form('edits', value, 'lists input fields, separated by commas');
  for (const field of named) {
    const without = actions.find(({ editable }) => !editable.includes(field));
    if (without === undefined) continue;
    const editable = without.editable.length === 0 ? 'declares no editable field' : `declares as editable: ${without.editable.join(', ')}`;
    const hint = 'Name only fields that every action of the policy declares as editable.';
    return invalid(`@edits names "${field}", but ${without.action} ${editable}`, hint);
  }
  return null;
}

function fields(value: string): readonly string[] {
  return value === '' ? [] : value.split(',').map((field) => field.trim());
}

function isSeverity(value: string): value is Severity {
  return (SEVERITIES as readonly string[]).includes(value);
}

function isAmount(value: string): boolean {
  try {
    return usd(value) > 0;
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}

function form(name: string, value: string, rule: string): AnnotationProblem {
  return invalid(`@${name} ${rule}; got ${JSON.stringify(value)}`, `Correct the value of @${name}.`);
}

function invalid(message: string, hint: string): AnnotationProblem {
  return { code: 'policy_annotation', message, hint };
}

/** Null for what `parseDuration` refuses, and for a wait of more than a year, which is a slip of the pen. */
function duration(text: string): Millis | null {
  try {
    const value = parseDuration(text);
    return value <= 366 * 24 * HOUR ? value : null;
  } catch {
    return null;
  }
}
