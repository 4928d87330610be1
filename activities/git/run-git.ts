import { spawn } from 'node:child_process';
import { Refusal, visibleText } from '../../core/index.ts';

/** A child that ignores SIGTERM is killed after this many milliseconds. */
const GRACE = 2_000;
const STDERR_MAX = 16_384;

export interface GitCall {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly input?: string | undefined;
  /** The most bytes of output that are kept; git is ended when there are more. Default 4 MiB. */
  readonly limit?: number | undefined;
  /** Exit codes that are answers; others throw `Refusal` `git_failed`. Default: 0. */
  readonly codes?: readonly number[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface GitOutput {
  readonly code: number;
  readonly stdout: string;
  readonly truncated: boolean;
}

/** Runs the real git once, with exactly this environment and no shell. */
export async function runGit(args: readonly string[], call: GitCall): Promise<GitOutput> {
  const { code, stdout, stderr, truncated } = await collect(args, call);
  if (truncated || (call.codes ?? [0]).includes(code)) return { code, stdout, truncated };
  const name = args.find((arg) => !arg.startsWith('-')) ?? 'git';
  throw new Refusal('failed', 'git_failed', `git ${name} ended with ${code}${reason(stderr)}.`);
}

/** What git said last, on one line of at most 300 characters. */
function reason(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('hint:'));
  const said = lines.find((line) => /^(?:fatal|error):/.test(line)) ?? lines.at(-1);
  return said === undefined ? '' : `: ${visibleText(said.slice(0, 300)).replace(/\.$/, '')}`;
}

interface Collected extends GitOutput {
  readonly stderr: string;
}

function collect(args: readonly string[], { env, cwd, input, limit = 4_194_304, signal }: GitCall): Promise<Collected> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(aborted());
      return;
    }
    // A group of its own, so that what git started (ssh, a remote helper) ends with it.
    const child = spawn('git', args, { env, cwd, shell: false, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    let [kept, truncated, stderr] = [0, false, ''];
    let timer: NodeJS.Timeout | undefined;
    const stop = () => {
      killGroup(child.pid, 'SIGTERM');
      timer ??= setTimeout(() => killGroup(child.pid, 'SIGKILL'), GRACE);
    };
    signal?.addEventListener('abort', stop, { once: true });
    child.stdout.on('data', (chunk: Buffer) => {
      if (truncated) return;
      out.push(chunk.subarray(0, limit - kept));
      kept += chunk.length;
      if (kept <= limit) return;
      truncated = true;
      stop();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (stderr.length < STDERR_MAX) stderr += chunk.toString('utf8');
    });
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    };
    child.once('error', (cause) => {
      done();
      const hint = 'Install git 2.39 or newer, or set "path" of gitActions.';
      reject(
        new Refusal('failed', 'git_not_started', `git could not be started (${'code' in cause ? String(cause.code) : 'unknown'}).`, {
          hint,
        }),
      );
    });
    child.once('close', (code) => {
      done();
      if (signal?.aborted === true) reject(aborted());
      else resolve({ code: code ?? 128, stdout: textOf(out), stderr, truncated });
    });
    // git may end before it has read everything.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');
  });
}

function textOf(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString('utf8');
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group has ended by itself.
  }
}

function aborted(): Refusal {
  return new Refusal('failed', 'git_aborted', 'git was ended before it had finished.');
}
