import { Option } from 'commander';
import type { Command } from 'commander';
import type { RunSummary, RunView } from '../../core/index.ts';
import { addCommand, addNoun } from '../command.ts';
import type { Host } from '../command.ts';
import { parseFilter } from '../options.ts';
import { renderRun, renderRuns } from '../render/run.ts';
import { watchRun } from '../watch-run.ts';
import { addRunControl } from './run-control.ts';
import { addRunStart } from './run-start.ts';

const MOST_LISTED = 1_000;

interface ListOptions {
  readonly filter?: string;
  readonly sort?: 'newest' | 'age';
}

export function addRunCommands(program: Command, host: Host): void {
  const run = addNoun(program, 'run', 'Start, watch, kill and raise runs');
  addRunStart(run, host);
  addCommand<ListOptions>(run, host, {
    usage: 'list',
    summary: 'List runs, newest first',
    remote: true,
    options: [
      new Option('--filter <fields>', "agent=A state=S workflow=W, such as 'agent=release-bot state=held'"),
      new Option('--sort <order>', 'newest first, or by age: oldest first').choices(['newest', 'age']),
    ],
    act: async (context, { filter, sort }) => {
      const { items, more } = await context
        .client()
        .list<RunSummary>('/runs', filter === undefined ? {} : parseFilter(filter), MOST_LISTED);
      const runs = sort === 'age' ? items.toReversed() : items;
      context.show(runs, () => renderRuns(runs, context.shell.now()));
      if (more) context.shell.complain(`Only the newest ${MOST_LISTED} are listed; narrow it with --filter.`);
    },
  });
  addCommand(run, host, {
    usage: 'show <id>',
    summary: 'Show one run with its calls and open holds',
    remote: true,
    act: async (context, _options, id = '') => {
      const view = await context.client().get<RunView>(`/runs/${encodeURIComponent(id)}`);
      context.show(view, () => renderRun(view, context.reader()));
    },
  });
  addCommand(run, host, {
    usage: 'watch <id>',
    summary: 'Follow one run until it ends',
    remote: true,
    act: async (context, _options, id = '') => watchRun(context, context.client(), id),
  });
  addRunControl(run, host);
}
