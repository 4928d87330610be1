import { Option } from 'commander';
import type { Command } from 'commander';
import { Refusal } from '../../core/index.ts';
import type { RunSummary, RunView } from '../../core/index.ts';
import { addCommand } from '../command.ts';
import type { Context, Host } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import type { ExitCode } from '../exit-code.ts';
import { RAISE_OPTIONS, parseFilter, raiseOf } from '../options.ts';
import type { RaiseOptions } from '../options.ts';
import { renderCalls, renderRunFacts, renderRuns } from '../render/run.ts';

/** Above this many, a filter is too wide to be shown before it is confirmed. */
const MOST_KILLED = 100_000;

interface KillOptions {
  readonly filter?: string;
  readonly reason: string;
  readonly yes?: boolean;
}

const reason = (): Option => new Option('--reason <text>', 'why; it is recorded').makeOptionMandatory();

export function addRunControl(run: Command, host: Host): void {
  addCommand<KillOptions>(run, host, {
    usage: 'kill [id]',
    summary: 'Kill one run, or all open ones that match a filter: nothing more of them is claimed',
    remote: true,
    options: [
      new Option('--filter <fields>', 'agent=A state=running|held'),
      reason(),
      new Option('--yes', 'do it, whatever number matches'),
    ],
    act: async (context, options, id) => {
      if ((id === undefined) === (options.filter === undefined)) {
        throw new Refusal('invalid', 'option_invalid', 'run kill takes either the id of a run or --filter.', {
          hint: 'holdpoint run kill ID --reason WHY',
        });
      }
      return id === undefined ? killMany(context, options) : killOne(context, id, options);
    },
  });
  addCommand<RaiseOptions & { readonly reason: string }>(run, host, {
    usage: 'raise <id>',
    summary: 'Raise limits of a run; decides its breaker hold where one is open',
    remote: true,
    options: [...RAISE_OPTIONS(), reason()],
    act: async (context, options, id = '') => {
      const raise = raiseOf(options);
      if (raise === null) {
        throw new Refusal('invalid', 'option_invalid', 'run raise needs at least one amount; got none.', {
          hint: 'Add --steps N, --spend USD, --time 30m, --identical N or --failures N.',
        });
      }
      const raised = await context.client().post<RunSummary>(`/runs/${encodeURIComponent(id)}/raise`, { raise, reason: options.reason });
      context.show(raised, () => `Raised.\n\n${renderRunFacts(raised, context.shell.now())}`);
    },
  });
}

async function killOne(context: Context, id: string, options: KillOptions): Promise<ExitCode> {
  const client = context.client();
  const path = `/runs/${encodeURIComponent(id)}`;
  await client.post(`${path}/kill`, { reason: options.reason });
  const view = await client.get<RunView>(path);
  const inFlight = view.calls.filter((call) => call.state === 'claimed' || call.state === 'unknown');
  context.show(view, () =>
    [
      `Killed. Nothing more of it is claimed.\n\n${renderRunFacts(view, context.shell.now())}`,
      inFlight.length === 0 ? 'No call was in flight.' : `In flight; each ends as confirmed or unknown:\n${renderCalls(inFlight)}`,
    ].join('\n\n'),
  );
  return EXIT.done;
}

async function killMany(context: Context, options: KillOptions): Promise<ExitCode> {
  const client = context.client();
  const filter = parseFilter(options.filter ?? '', ['agent', 'state']);
  const states = filter.state === undefined ? ['running', 'held'] : [filter.state];
  const found = await Promise.all(states.map((state) => client.list<RunSummary>('/runs', { ...filter, state }, MOST_KILLED)));
  const runs = found.flatMap(({ items }) => items);
  if (options.yes !== true) {
    if (!context.json && runs.length > 0) context.shell.print(renderRuns(runs, context.shell.now()));
    throw new Refusal('refused', 'confirmation_needed', `${runs.length} open runs match. Nothing was done.`, {
      hint: 'Add --yes to kill them.',
      data: { count: runs.length },
    });
  }
  const done = await client.post<{ readonly killed: readonly string[] }>('/runs/kill', {
    filter,
    expected: runs.length,
    reason: options.reason,
  });
  context.show(done, () => `Killed ${done.killed.length} runs. Nothing more of them is claimed.`);
  return EXIT.done;
}
