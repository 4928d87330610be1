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
  const said = new Set<string>();
  const once = (key: string, text: () => string): void => {
    if (said.has(key)) return;
    said.add(key);
    print(text());
  };
  while (!signal.aborted) {
    const seen = await api.get<RunView>(`/runs/${run}`).catch(() => null);
    // A step that takes longer than a look is told when it is through; one that waits for people, as its hold.
    const told = (seen?.calls ?? []).filter(({ state }) => state !== 'claimed' && state !== 'asked');
    for (const call of told) once(`${call.key} ${call.state}`, () => `  ${call.key.padEnd(4)} ${call.action.padEnd(16)} ${call.state}`);
    for (const hold of seen?.holds ?? []) {
      if (hold.state === 'open') once(hold.id, () => `\n${renderHold(hold, { now: Date.now(), program })}\n`);
      else
        once(
          `${hold.id} ${hold.state}`,
          () => `  ${hold.id} ${hold.state}${hold.ended?.by.length ? ` by ${hold.ended.by.join(', ')}` : ''}`,
        );
    }
    if (seen !== null && seen.closedAt !== null) {
      print(`\nRun ${run} ${seen.state}. ${await storyOf(following, seen)}\n`);
      return;
    }
    await delay(EVERY, undefined, { signal }).catch(() => undefined);
  }
}

/** What became of it: what the workflow itself tells, or why it did not end well. */
async function storyOf({ temporal, run }: Following, { state, killed, closedReason }: RunView): Promise<string> {
  if (state === 'killed') return killed?.reason ?? '';
  if (state !== 'succeeded') return closedReason ?? '';
  const result: unknown = await temporal.workflow
    .getHandle(run)
    .result()
    .catch(() => null);
  return typeof result === 'object' && result !== null && 'story' in result ? String(result.story) : '';
}
