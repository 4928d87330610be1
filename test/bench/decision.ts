import { listHolds } from '../../ledger/index.ts';
import { whenEffectBegins } from './actions.ts';
import type { Figure } from './figure.ts';
import { atMost, percentile } from './figure.ts';
import type { Lab } from './lab.ts';

/** From the committed decision to the first line of the effect, one at a time. */
export async function measureDecision(lab: Lab, samples: number): Promise<readonly Figure[]> {
  const times: number[] = [];
  for (let sample = 0; sample < samples + 3; sample += 1) {
    const began = new Promise<number>((resolve) => whenEffectBegins(() => resolve(performance.now())));
    const run = await lab.postgres.start('held', { text: `${sample}` });
    const hold = await openHold(lab, run);
    // The workflow's task that follows the hold must be over, or it is measured as well.
    await waiting(lab, run);
    await lab.approve(hold);
    const committedAt = performance.now();
    const took = (await began) - committedAt;
    if (sample >= 3) times.push(took);
    await lab.client.workflow.getHandle(run).result();
  }
  return [
    atMost('decision committed to effect begins, p50', percentile(times, 0.5), 'ms', 30),
    atMost('decision committed to effect begins, p99', percentile(times, 0.99), 'ms', 60),
  ];
}

async function openHold(lab: Lab, run: string): Promise<string> {
  for (;;) {
    const [hold] = (await listHolds(lab.postgres.db, { run, state: 'open', limit: 1 })).items;
    if (hold !== undefined) return hold.id;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function waiting(lab: Lab, run: string): Promise<void> {
  for (;;) {
    const events = (await lab.client.workflow.getHandle(run).fetchHistory()).events ?? [];
    if (events.some((event) => Boolean(event.timerStartedEventAttributes))) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
