import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

/** A process by id and start time, since ids are used again. */
export interface ProcessRef {
  readonly pid: number;
  /** Opaque; differs between two processes that had the same id. */
  readonly started: string;
}

const POLL_MS = 20;

/** The living process with this id; undefined when there is none, or only a zombie. */
export async function processRef(pid: number): Promise<ProcessRef | undefined> {
  const started = process.platform === 'linux' ? await startOnLinux(pid) : await startByPs(pid);
  return started === undefined ? undefined : { pid, started };
}

export async function isAlive(ref: ProcessRef): Promise<boolean> {
  return (await processRef(ref.pid))?.started === ref.started;
}

/** Asks a process to end, kills it after `grace` ms, and waits until it is gone. */
export async function endProcess(ref: ProcessRef, grace: number): Promise<void> {
  if (!(await isAlive(ref))) return;
  signal(ref.pid, 'SIGTERM');
  if (await isGone(ref, grace)) return;
  signal(ref.pid, 'SIGKILL');
  await isGone(ref, grace);
}

async function isGone(ref: ProcessRef, within: number): Promise<boolean> {
  const until = performance.now() + within;
  while (await isAlive(ref)) {
    if (performance.now() > until) return false;
    // A process that we adopted is not our child, and tells us nothing when it ends.
    await delay(POLL_MS);
  }
  return true;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function startOnLinux(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The second field is the command in parentheses, which may hold spaces; state and start time are fields 3 and 22.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields === undefined || fields[0] === 'Z' ? undefined : fields[19];
}

async function startByPs(pid: number): Promise<string | undefined> {
  const shown = await promisify(execFile)('ps', ['-o', 'stat=,lstart=', '-p', String(pid)]).catch(() => ({ stdout: '' }));
  const [state, ...started] = shown.stdout.trim().split(/\s+/);
  return state === undefined || started.length === 0 || state.startsWith('Z') ? undefined : started.join(' ');
}
