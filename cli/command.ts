import type { Command, Option } from 'commander';
import { createClient } from './client.ts';
import type { Client } from './client.ts';
import { EXIT } from './exit-code.ts';
import type { ExitCode } from './exit-code.ts';
import { findServer } from './find-server.ts';
import type { Reader } from './render/hold.ts';
import type { Shell } from './shell.ts';

/** What a command is given. */
export interface Context {
  readonly shell: Shell;
  readonly json: boolean;
  /** Makes the client when it is needed: local commands need none. */
  readonly client: () => Client;
  readonly reader: () => Reader;
  /** With `--json` the value as one document, else the text. */
  readonly show: (value: unknown, text: () => string) => void;
}

export interface CommandSpec<O> {
  /** As commander reads it: `show <id>`. */
  readonly usage: string;
  readonly summary: string;
  readonly options?: readonly Option[];
  /** Whether it talks to the server and so takes `--server` and `--token`. */
  readonly remote: boolean;
  readonly act: (context: Context, options: O, ...words: string[]) => Promise<ExitCode | void>;
}

/** Where a command leaves its exit code. */
export interface Outcome {
  code: ExitCode;
}

interface Common {
  readonly json?: boolean;
  readonly server?: string;
  readonly token?: string;
}

export interface Host {
  readonly shell: Shell;
  readonly outcome: Outcome;
}

export function addCommand<O = Record<never, never>>(parent: Command, host: Host, spec: CommandSpec<O>): void {
  const command = parent.command(spec.usage).description(spec.summary).option('--json', 'print one JSON document');
  for (const option of spec.options ?? []) command.addOption(option);
  if (spec.remote) {
    command.option('--server <url>', 'the server (HOLDPOINT_URL)').option('--token <token>', 'your token (HOLDPOINT_TOKEN)');
  }
  command.action(async (...given: unknown[]) => {
    const options = given.at(-2) as O & Common;
    const words = given.slice(0, -2) as string[];
    host.outcome.code = (await spec.act(contextOf(host.shell, options), options, ...words)) ?? EXIT.done;
  });
}

/** A noun: `run`, `hold`. Alone it prints what it can do. */
export function addNoun(program: Command, name: string, summary: string): Command {
  return program.command(name).description(summary);
}

function contextOf(shell: Shell, common: Common): Context {
  const json = common.json ?? false;
  return {
    shell,
    json,
    client: () => createClient(findServer(common, shell)),
    reader: () => ({ now: shell.now(), program: shell.program }),
    show: (value, text) => shell.print(json ? JSON.stringify(value, null, 2) : text()),
  };
}
