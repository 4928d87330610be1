import { visibleLines, visibleText } from '../../core/index.ts';
import type { HoldView, Instant } from '../../core/index.ts';
import { renderFields, renderTable } from './table.ts';
import { renderDeadline, renderWhen } from './when.ts';

export interface Reader {
  readonly now: Instant;
  /** How people call this program. */
  readonly program: string;
}

export function renderHolds(holds: readonly HoldView[], { now }: Reader): string {
  if (holds.length === 0) return 'Nothing waits for a decision.';
  return renderTable(holds, [
    { title: 'ID', value: (hold) => hold.id },
    { title: 'KIND', value: (hold) => hold.kind },
    { title: 'WHAT', value: (hold) => hold.action ?? 'the run' },
    { title: 'STATE', value: (hold) => hold.state },
    { title: 'OPENED', value: (hold) => renderWhen(hold.openedAt, now) },
    { title: 'DECIDE BY', value: (hold) => (hold.state === 'open' ? renderDeadline(hold.decideBy, now) : '') },
    { title: 'RUN', value: (hold) => hold.run },
    { title: 'TITLE', value: (hold) => cut(hold.shown.title, 60) },
  ]);
}

/** Everything that a decision needs: what would happen, exactly; why it waits; who may decide; and the commands. */
export function renderHold(hold: HoldView, reader: Reader): string {
  const { now } = reader;
  const parts = [
    visibleText(hold.shown.title),
    renderFields(
      [
        ['hold', `${hold.id}${hold.version > 1 ? `, version ${hold.version}` : ''}`],
        ['run', hold.run],
        ['action', hold.action],
        ['kind', hold.kind],
        ['state', hold.state],
        ['opened', renderWhen(hold.openedAt, now)],
        ['decide by', hold.state === 'open' ? renderDeadline(hold.decideBy, now) : null],
        ['binds', hold.digest === null ? null : `sha256:${hold.digest}`],
        ['changed by', hold.edit?.by ?? null],
      ],
      '  ',
    ),
    reasons(hold),
    section(
      'Arguments and facts',
      hold.shown.fields.map(({ name, value }) => block(name, value)),
    ),
    hold.edit === null ? '' : section('Changed before approval', [block('changes', JSON.stringify(hold.edit.changes, null, 2))]),
    ...hold.shown.evidence.map(({ title, text }) => section(visibleText(title), [indent(text, '    ')])),
    votes(hold, now),
    ended(hold, now),
    hold.state === 'open' ? renderCommands(hold, reader.program) : '',
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

/** The commands that decide it. A version above the first is stated, so that nobody approves an edit unseen. */
export function renderCommands(hold: HoldView, program: string): string {
  const seen = hold.version > 1 ? ` --seen ${hold.version}` : '';
  const lines = hold.choices.flatMap((choice) => {
    switch (choice) {
      case 'approve':
        return [`${program} hold approve ${hold.id}${seen}`, ...editCommand(hold, `${program} hold approve ${hold.id}${seen}`)];
      case 'deny':
        return `${program} hold deny ${hold.id}${seen} --note WHY`;
      case 'raise':
        return `${program} hold decide ${hold.id}${seen} --choice raise ${raiseFlags(hold)}`;
      case 'kill':
        return `${program} hold decide ${hold.id}${seen} --choice kill --note WHY`;
      case 'succeeded':
        return `${program} hold decide ${hold.id}${seen} --choice succeeded --result JSON`;
      default:
        return `${program} hold decide ${hold.id}${seen} --choice ${choice}`;
    }
  });
  return section(
    'Decide',
    lines.map((line) => `    ${line}`),
  );
}

/** With changes first, where every policy that asks lets approvers make them. */
function editCommand({ requires }: HoldView, approve: string): readonly string[] {
  const [first, ...others] = requires.map(({ edits }) => edits);
  const fields = (first ?? []).filter((field) => others.every((edits) => edits.includes(field)));
  return fields.length === 0 ? [] : [`${approve} --edit '{ ${fields.map((field) => `"${field}": …`).join(', ')} }'`];
}

const RAISE_FLAGS = [
  ['steps', '--steps N'],
  ['spend', '--spend USD'],
  ['time', '--time 30m'],
  ['identical', '--identical N'],
  ['failures', '--failures N'],
] as const;

/** Raises the limits that tripped, which the title names: raising another would only hold the run again. */
function raiseFlags({ shown }: HoldView): string {
  const named = / limit of (.*)$/.exec(shown.title)?.[1]?.split(' and ') ?? [];
  const flags = RAISE_FLAGS.filter(([limit]) => named.includes(limit)).map(([, flag]) => flag);
  return flags.length === 0 ? '--steps N' : flags.join(' ');
}

function reasons(hold: HoldView): string {
  const who = (group: string, quorum: number): string => `${quorum} of ${group}`;
  if (hold.requires.length === 0) {
    const deciders = hold.deciders.map(({ approvers, quorum }) => who(approvers, quorum)).join(' and ');
    return section('Why it waits', [`    ${visibleText(hold.reason)} (decided by ${visibleText(deciders)})`]);
  }
  return section(
    'Why it waits',
    hold.requires.map(
      ({ policy, reason, approvers, quorum, unknownRequester }) =>
        `    ${visibleText(reason)} (policy ${visibleText(policy)}; decided by ${visibleText(who(approvers, quorum))}${unknownRequester === true ? ', one of them since nobody knows who asked' : ''})`,
    ),
  );
}

function votes(hold: HoldView, now: Instant): string {
  return section(
    'Votes',
    hold.votes.map(
      ({ person, choice, version, at }) =>
        `    ${visibleText(person)}: ${choice}${version === hold.version ? '' : ` (of version ${version})`}, ${renderWhen(at, now)}`,
    ),
  );
}

function ended(hold: HoldView, now: Instant): string {
  if (hold.ended === null) return '';
  const { at, by, note, useBy } = hold.ended;
  const people = by.length === 0 ? '' : ` by ${by.join(', ')}`;
  return section('Outcome', [
    `    ${visibleText(`${hold.state}${people}`)}, ${renderWhen(at, now)}`,
    ...(note === null ? [] : [`    ${visibleText(note)}`]),
    ...(useBy === null ? [] : [`    to be used ${renderDeadline(useBy, now)}`]),
  ]);
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : [`  ${title}`, ...lines].join('\n');
}

/** One field: beside its name where it is one line, below it where it is several. */
function block(name: string, value: string): string {
  return value.includes('\n') ? `    ${visibleText(name)}:\n${indent(value, '      ')}` : `    ${visibleText(name)}: ${visibleText(value)}`;
}

function indent(text: string, by: string): string {
  return visibleLines(text)
    .map((line) => `${by}${line}`.trimEnd())
    .join('\n');
}

function cut(text: string, most: number): string {
  const characters = [...text];
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`;
}

/** What became of a decision, in a line. */
export function renderDecided(hold: HoldView): string {
  const what = `${hold.shown.title} (${hold.id})`;
  if (hold.state !== 'open') {
    const said =
      hold.kind === 'approval' ? (hold.state === 'granted' ? 'Granted' : 'Denied') : `Decided, ${hold.ended?.choice ?? hold.state}`;
    return `${said}: ${what}.`;
  }
  const missing = hold.deciders.map(({ approvers, quorum }) => `${quorum} of ${approvers}`).join(' and ');
  return `Your vote counts; ${what} still waits for others: it needs ${missing}.`;
}
