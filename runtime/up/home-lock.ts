import { readFileSync } from 'node:fs';
import { link, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { Refusal } from '../../core/index.ts';
import { isAlive, processRef } from '../temporal-server/index.ts';

const holder = z.object({ pid: z.int().positive(), started: z.string() });

/** Throws `Refusal` `home_in_use` where another living process runs on this state folder; writes nothing. */
export async function refuseUsedHome(home: string): Promise<void> {
  const owner = readOwner(home);
  if (owner === null || owner.pid === process.pid || !(await isAlive(owner))) return;
  throw new Refusal('refused', 'home_in_use', `Holdpoint runs on ${home} already, as process ${owner.pid}.`, {
    hint: 'Use that one (holdpoint doctor), stop it first, or set HOLDPOINT_HOME to another folder.',
  });
}

/** Takes the state folder for this process until the returned function is called: PGlite's files bear one process only. */
export async function lockHome(home: string): Promise<() => Promise<void>> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  const fresh = `${lockFile(home)}.${process.pid}`;
  await writeFile(fresh, JSON.stringify(await processRef(process.pid)));
  try {
    // Nobody ever reads half a lock: it appears whole, or not at all where there is one.
    await link(fresh, lockFile(home)).catch(async () => {
      await refuseUsedHome(home);
      await rm(lockFile(home), { force: true });
      await link(fresh, lockFile(home));
    });
  } finally {
    await rm(fresh, { force: true });
  }
  return () => rm(lockFile(home), { force: true });
}

function readOwner(home: string): z.output<typeof holder> | null {
  try {
    return holder.parse(JSON.parse(readFileSync(lockFile(home), 'utf8')));
  } catch {
    return null;
  }
}

function lockFile(home: string): string {
  return join(home, 'up.lock');
}
