import { CommanderError } from 'commander';
import { Refusal, visibleLines } from '../core/index.ts';
import type { Problem } from '../core/index.ts';
import type { Outcome } from './command.ts';
import { EXIT, exitCodeOf } from './exit-code.ts';
import type { ExitCode } from './exit-code.ts';
import { buildProgram } from './program.ts';
import type { Shell } from './shell.ts';

/** Runs one command line and gives its exit code; it never ends the process and never throws. */
export async function runCli(args: readonly string[], shell: Shell, version: string): Promise<ExitCode> {
  const outcome: Outcome = { code: EXIT.done };
  try {
    await buildProgram({ shell, outcome }, version).parseAsync(args, { from: 'user' });
    return outcome.code;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
    const refusal = refusalOf(error, shell.program);
    shell.complain(renderError(refusal));
    if (args.includes('--json')) shell.print(JSON.stringify(problemOf(refusal), null, 2));
    return exitCodeOf(refusal.kind);
  }
}

function refusalOf(error: unknown, program: string): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof CommanderError) {
    if (error.code === 'commander.help') {
      return new Refusal('invalid', 'command_incomplete', 'The command is not complete.', {
        hint: 'Choose one of the commands above.',
        cause: error,
      });
    }
    const [message = '', ...more] = error.message.replace(/^error: /, '').split('\n');
    const hint = more.join(' ').replace(/^\(|\)$/g, '') || `See: ${program} --help`;
    return new Refusal('invalid', 'usage', message, { hint, cause: error });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new Refusal('failed', 'unexpected', message === '' ? 'Something failed without a message.' : message, {
    hint: 'This is a bug: please report it.',
    cause: error,
  });
}

function renderError({ message, hint }: Refusal): string {
  const lines = visibleLines(message).join('\n');
  return hint === undefined ? `error: ${lines}` : `error: ${lines}\nhint: ${visibleLines(hint).join('\n')}`;
}

/** As the server writes them, so that scripts read one shape; `status` is null where no server answered. */
function problemOf({ kind, code, message, hint, data }: Refusal): Omit<Problem, 'status'> & { readonly status: null } {
  return { type: `urn:holdpoint:problem:${code}`, title: kind, status: null, code, detail: message, hint: hint ?? null, data };
}
