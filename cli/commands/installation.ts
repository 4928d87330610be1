import { Option } from 'commander';
import type { Command } from 'commander';
import { Refusal } from '../../core/index.ts';
import { addCommand } from '../command.ts';
import type { Context, Host } from '../command.ts';
import { loadCommands } from '../local.ts';

interface UpCommand {
  readonly repo?: string;
  readonly example?: 'release' | 'runaway';
  readonly config?: string;
}

const config = (): Option => new Option('--config <file>', 'the configuration; default: holdpoint.config.yaml here');

/** Long-running ones: each ends with the process's first SIGINT or SIGTERM. */
export function addInstallationCommands(program: Command, host: Host): void {
  addCommand<UpCommand>(program, host, {
    usage: 'up',
    summary: 'Run everything on this machine, with an example agent',
    remote: false,
    options: [
      new Option('--repo <path>', 'the git repository that the release agent works on'),
      new Option('--example <name>', 'the agent to run').choices(['release', 'runaway']),
      config(),
    ],
    act: async (context, { repo, example, config: file }) => {
      refuseJson(context, 'up');
      const { up } = await loadCommands();
      await up({ ...parts(context, file), repo, example, program: context.shell.program });
    },
  });
  addCommand<{ readonly config?: string }>(program, host, {
    usage: 'server',
    summary: 'Run the API for production: Postgres, Temporal and people must be named',
    remote: false,
    options: [config()],
    act: async (context, { config: file }) => {
      refuseJson(context, 'server');
      await (await loadCommands()).runServer(parts(context, file));
    },
  });
  addCommand<{ readonly config?: string }>(program, host, {
    usage: 'worker',
    summary: 'Run a governed worker for production',
    remote: false,
    options: [config()],
    act: async (context, { config: file }) => {
      refuseJson(context, 'worker');
      await (await loadCommands()).runWorker(parts(context, file));
    },
  });
}

function parts({ shell }: Context, file: string | undefined) {
  return { config: file, env: shell.env, cwd: shell.cwd, print: shell.print, signal: shell.stopped() };
}

function refuseJson({ json }: Context, command: string): void {
  if (json)
    throw new Refusal('invalid', 'option_invalid', `holdpoint ${command} runs until it is stopped and prints no JSON document.`, {
      hint: 'Leave out --json.',
    });
}
