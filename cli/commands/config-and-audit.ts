import { Option } from 'commander';
import type { Command } from 'commander';
import { Refusal } from '../../core/index.ts';
import { addCommand, addNoun } from '../command.ts';
import type { Host } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { loadCommands } from '../local.ts';

export function addConfigCommands(program: Command, host: Host): void {
  const config = addNoun(program, 'config', 'Check the configuration');
  addCommand<{ readonly schema?: boolean; readonly config?: string }>(config, host, {
    usage: 'check',
    summary: 'Check holdpoint.config.yaml and the environment',
    remote: false,
    options: [
      new Option('--config <file>', 'default: holdpoint.config.yaml here'),
      new Option('--schema', "print the file's JSON Schema instead"),
    ],
    act: async (context, { schema, config: file }) => {
      const { configJsonSchema, loadConfig } = await loadCommands();
      if (schema === true) {
        context.shell.print(JSON.stringify(configJsonSchema(), null, 2));
        return EXIT.done;
      }
      const loaded = asFinding(() => loadConfig({ file, env: context.shell.env, cwd: context.shell.cwd }));
      // The environment holds secrets; what was read from it is not repeated.
      const { environment: _environment, ...shown } = loaded;
      const people = Object.keys(loaded.people).length;
      context.show({ ok: true, ...shown }, () =>
        loaded.file === null
          ? 'There is no holdpoint.config.yaml here; everything has its default.'
          : `${loaded.file} is right: ${people} people, ${Object.keys(loaded.groups).length} groups, ${loaded.worker === null ? 'no worker' : 'a worker'}.`,
      );
      return EXIT.done;
    },
  });
}

export function addAuditCommands(program: Command, host: Host): void {
  const audit = addNoun(program, 'audit', 'Prove what happened');
  addCommand(audit, host, {
    usage: 'verify [run]',
    summary: "Check that a run's audit chain holds, or the installation's",
    remote: true,
    act: async (context, _options, run) => {
      const path = run === undefined ? '/audit/verify' : `/runs/${encodeURIComponent(run)}/audit/verify`;
      const found = await context.client().get<{ readonly chain: string; readonly rows: number; readonly brokenAt: number | null }>(path);
      context.show(found, () =>
        found.brokenAt === null
          ? `The chain of ${found.chain} holds: ${found.rows} rows.`
          : `The chain of ${found.chain} is BROKEN at row ${found.brokenAt}; it has ${found.rows} rows.`,
      );
      return found.brokenAt === null ? EXIT.done : EXIT.failed;
    },
  });
}

/** A finding of a check is a failure (1), not a wrong use of the command (2). */
function asFinding<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof Refusal) || error.kind !== 'invalid') throw error;
    throw new Refusal('failed', error.code, error.message, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      data: error.data,
      cause: error,
    });
  }
}
