import { Option } from 'commander';
import type { Command } from 'commander';
import { CHOICES, visibleText } from '../../core/index.ts';
import type { Choice, HoldView } from '../../core/index.ts';
import { addCommand, addNoun } from '../command.ts';
import type { Context, Host } from '../command.ts';
import { RAISE_OPTIONS, countOption, raiseOf, readJson } from '../options.ts';
import type { RaiseOptions } from '../options.ts';
import { renderDecided, renderHold, renderHolds } from '../render/hold.ts';

const MOST_LISTED = 1_000;

interface DecideOptions extends RaiseOptions {
  readonly choice?: Choice;
  readonly note?: string;
  readonly edit?: string;
  readonly result?: string;
  readonly seen?: number;
}

const note = (): Option => new Option('--note <text>', 'why; it is recorded, and the agent hears it');
const seen = (): Option =>
  countOption('--seen <version>', 'the version that you looked at; it is above 1 once somebody has edited the call');

export function addHoldCommands(program: Command, host: Host): void {
  const hold = addNoun(program, 'hold', 'See and decide what waits for people');
  addCommand<{ readonly run?: string; readonly all?: boolean }>(hold, host, {
    usage: 'list',
    summary: 'List what waits for a decision',
    remote: true,
    options: [new Option('--run <id>', 'of one run'), new Option('--all', 'the decided, expired and withdrawn ones too')],
    act: async (context, { run, all }) => {
      const query = { run, state: all === true ? 'all' : 'open' };
      const { items, more } = await context.client().list<HoldView>('/holds', query, MOST_LISTED);
      context.show(items, () => renderHolds(items, context.reader()));
      if (more) context.shell.complain(`Only the newest ${MOST_LISTED} are listed; narrow it with --run.`);
    },
  });
  addCommand(hold, host, {
    usage: 'show <id>',
    summary: 'Show what would happen, why it waits, who may decide, and how',
    remote: true,
    act: async (context, _options, id = '') => {
      const view = await context.client().get<HoldView>(`/holds/${encodeURIComponent(id)}`);
      context.show(view, () => renderHold(view, context.reader()));
    },
  });
  addCommand<DecideOptions>(hold, host, {
    usage: 'approve <id>',
    summary: 'Approve it',
    remote: true,
    options: [note(), new Option('--edit <json>', 'approve with these top-level input fields changed'), seen()],
    act: (context, options, id = '') => decide(context, id, { ...options, choice: 'approve' }),
  });
  addCommand<DecideOptions>(hold, host, {
    usage: 'deny <id>',
    summary: 'Deny it',
    remote: true,
    options: [note().makeOptionMandatory(), seen()],
    act: (context, options, id = '') => decide(context, id, { ...options, choice: 'deny' }),
  });
  addCommand<DecideOptions>(hold, host, {
    usage: 'decide <id>',
    summary: 'Decide it with any of its choices',
    remote: true,
    options: [
      new Option('--choice <choice>', 'what to do').choices(CHOICES).makeOptionMandatory(),
      note(),
      new Option('--result <json>', "with succeeded: the call's result"),
      ...RAISE_OPTIONS(),
      seen(),
    ],
    act: (context, options, id = '') => decide(context, id, options),
  });
}

/** Without `--seen` the decision is for the version that the gate opened: an edit by somebody else is never approved unseen. */
async function decide(context: Context, id: string, options: DecideOptions): Promise<void> {
  const { choice, edit, result } = options;
  const raise = raiseOf(options);
  const view = await context.client().post<HoldView>(`/holds/${encodeURIComponent(id)}/decide`, {
    choice,
    version: options.seen ?? 1,
    ...(options.note === undefined ? {} : { note: options.note }),
    ...(edit === undefined ? {} : { edit: readJson('--edit', edit, context.shell) }),
    ...(result === undefined ? {} : { result: readJson('--result', result, context.shell) }),
    ...(raise === null ? {} : { raise }),
  });
  context.show(view, () => visibleText(renderDecided(view)));
}
