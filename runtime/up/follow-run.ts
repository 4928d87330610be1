import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { createClient, findServer, renderHold } from '../../cli/index.ts';
import type { RunId, RunView } from '../../core/index.ts';

export interface Following {
  readonly run: RunId;
  readonly home: string;
  readonly url: string;
  readonly temporal: Client;
  readonly print: (text: string) => void;
  readonly program: string;
  readonly signal: AbortSignal;
}

const EVERY = 500;

/** Tells in the terminal what becomes of the example run: each step, each hold with its commands, and the end. */
export async function followRun(following: Following): Promise<void> {
  const { run, home, url, print, program, signal } = following;
  const api = createClient(findServer({ server: url }, { env: { HOLDPOINT_HOME: home }, cwd: home }));
  const told = new Set<string>();
  const once = (key: string, text: () => string): void => {
    if (told.has(key)) return;
    told.add(key);
    print(text());
  };
  while (!signal.aborted) {
    const seen = await api.get<RunView>(`/runs/${run}`).catch(() => null);
    for (const call of seen?.calls ?? []) once(`${call.key} ${call.state}`, () => `  ${call.key.padEnd(4)} ${call.action.padEnd(16)} ${call.state}`);
    for (const hold of seen?.holds ?? []) {
      if (hold.state === 'open') once(hold.id, () => `\n${renderHold(hold, { now: Date.now(), program })}\n`);
      else once(`${hold.id} ${hold.state}`, () => `  hold ${hold.id} ${hold.state}${hold.ended?.by.length ? ` by ${hold.ended.by.join(', ')}` : ''}`);
    }
    if (seen !== null && seen.closedAt !== null) {
      print(`\nRun ${run} ${seen.state}. ${await storyOf(following)}\n`);
      return;
    }
    await delay(EVERY, undefined, { signal }).catch(() => undefined);
  }
}

async function storyOf({ temporal, run }: Following): Promise<string> {
  try {
    const result: unknown = await temporal.workflow.getHandle(run).result();
    return typeof result === 'object' && result !== null && 'story' in result ? String(result.story) : '';
  } catch (error) {
    return rootCause(error);
  }
}

/** Temporal wraps what an action said in failures of its own. */
function rootCause(error: unknown): string {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  return inner instanceof Error ? inner.message : String(inner);
}
