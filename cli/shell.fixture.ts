import { runCli } from './run-cli.ts';
import type { ExitCode } from './exit-code.ts';
import type { Shell } from './shell.ts';

export interface Said {
  readonly code: ExitCode;
  readonly out: string;
  readonly err: string;
}

export interface Surroundings {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Called where a command would wait. */
  readonly paused?: () => Promise<void>;
}

/** Runs one command line in this process and gives what it said. */
export async function say(args: readonly string[], { cwd, env = {}, paused = async () => undefined }: Surroundings): Promise<Said> {
  const out: string[] = [];
  const err: string[] = [];
  const shell: Shell = {
    env,
    cwd,
    print: (text) => out.push(text),
    complain: (text) => err.push(text),
    now: Date.now,
    pause: paused,
    stopped: () => AbortSignal.abort(),
    program: 'holdpoint',
  };
  const code = await runCli(args, shell, '9.9.9');
  return { code, out: out.join('\n'), err: err.join('\n') };
}
