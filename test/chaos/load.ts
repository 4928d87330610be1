import { setTimeout as delay } from 'node:timers/promises';
import type { HoldView, Page, RunSummary } from '../../core/index.ts';
import type { Draw } from '../fire/seed.ts';
import type { Acknowledgement } from './oracle.ts';
import type { ChaosWorld } from './world.ts';

/** Runs that are open at the same time. */
const AT_ONCE = 48;
/** Between two looks at what waits, in milliseconds. */
const PACE = 150;
/** What is closed by itself is left to itself for this long at the end; the rest is killed. */
const LEFT_ALONE = 45_000;
const CLOSED_WITHIN = 300_000;
const RAISE = { steps: 3, spend: 3_000, failures: 6, identical: 6 };

/** Agents' work and people's words, by the API alone. What the API did not acknowledge is not noted: it may have happened or not. */
export class Load {
  readonly acknowledgements: Acknowledgement[] = [];
  readonly #world: ChaosWorld;
  readonly #draw: Draw;
  #begun = 0;

  constructor(world: ChaosWorld, draw: Draw) {
    this.#world = world;
    this.#draw = draw;
  }

  /** Starts runs and has people decide, until it is over. */
  async workUntil(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await tolerant(async () => {
        const [open, waiting] = await Promise.all([this.#open(), this.#waiting()]);
        const starts = Math.max(0, Math.min(4, AT_ONCE - open.length));
        await Promise.all(Array.from({ length: starts }, () => tolerant(() => this.#begin())));
        for (const hold of this.#draw.shuffled(waiting).slice(0, 6)) await tolerant(() => this.#answer(hold));
        const victim = open[this.#draw.below(open.length * 40)];
        if (victim !== undefined) await tolerant(() => this.#kill(victim));
      });
      await delay(PACE);
    }
  }

  /** Decides what waits, and kills what does not end by itself; resolves when every run is closed, or when that takes too long. */
  async endAll(): Promise<void> {
    const from = performance.now();
    for (let open = await this.#unclosed(); open.length > 0; open = await this.#unclosed()) {
      const passed = performance.now() - from;
      if (passed > CLOSED_WITHIN) return;
      await tolerant(async () => {
        for (const hold of await this.#waiting()) await tolerant(() => this.#answer(hold));
        if (passed < LEFT_ALONE) return;
        for (const { id, killed } of open) if (killed === null) await tolerant(() => this.#kill(id));
      });
      await delay(500);
    }
  }

  async #begin(): Promise<void> {
    this.#begun += 1;
    const name = `r${this.#begun}`;
    const { workflow, input } = this.#work(name);
    const limits = this.#draw.below(4) === 0 ? { steps: 2 } : this.#draw.below(4) === 0 ? { spend: 2_500 } : {};
    await this.#world.api('POST', '/runs', { workflow, agent: 'chaos', input, limits });
  }

  #work(name: string): { readonly workflow: string; readonly input: object } {
    const calls = (part: string, most: number) =>
      Array.from({ length: 1 + this.#draw.below(most) }, (_, n) => this.#call(`${name}${part}.${n}`));
    switch (this.#draw.below(6)) {
      case 0:
        return { workflow: 'together', input: { calls: calls('', 4) } };
      case 1:
        return { workflow: 'family', input: { children: [calls('a', 2), calls('b', 2)] } };
      case 2:
        return { workflow: 'continued', input: { calls: calls('', 4) } };
      case 3:
        return { workflow: 'once', input: { calls: calls('', 3) } };
      default:
        return { workflow: 'sequence', input: { calls: calls('', 5) } };
    }
  }

  #call(text: string): object {
    const one = <T>(list: readonly T[]): T => list[this.#draw.below(list.length)] as T;
    const action = one(['chaos.put', 'chaos.put', 'chaos.charge', 'chaos.charge', 'chaos.ask']);
    const first = one(['ok', 'ok', 'ok', 'ok', 'throw', 'nothing']);
    return { action, input: { text, first, millis: one([0, 50, 500, 2_000, 4_000]), worst: 1_000, cost: one([0, 400, 1_000]) } };
  }

  async #answer(hold: HoldView): Promise<void> {
    const { choice, ...more } = this.#choose(hold);
    await this.#world.api('POST', `/holds/${hold.id}/decide`, { choice, version: hold.version, note: 'so', ...more });
    this.#note({ kind: 'decision', at: Date.now(), run: hold.run, hold: hold.id, key: hold.key, choice });
  }

  #choose(hold: HoldView): { readonly choice: string; readonly edit?: object; readonly raise?: object; readonly result?: object } {
    const dice = this.#draw.below(10);
    switch (hold.kind) {
      case 'approval':
        return dice < 3 ? { choice: 'deny' } : dice < 5 ? { choice: 'approve', edit: { text: 'edited' } } : { choice: 'approve' };
      case 'breaker':
        return dice < 3 ? { choice: 'kill' } : { choice: 'raise', raise: RAISE };
      case 'unknown-outcome':
        return dice < 4 ? { choice: 'run-again' } : dice < 7 ? { choice: 'failed' } : { choice: 'succeeded', result: { text: 'said so' } };
      case 'diverged':
        return { choice: 'kill' };
      case 'admission':
        return { choice: 'admit' };
    }
  }

  async #kill(run: string): Promise<void> {
    await this.#world.api('POST', `/runs/${run}/kill`, { reason: 'chaos' });
    this.#note({ kind: 'kill', at: Date.now(), run, hold: null, key: null, choice: null });
  }

  #note(acknowledged: Acknowledgement): void {
    this.acknowledgements.push(acknowledged);
  }

  async #open(): Promise<readonly string[]> {
    const pages = await Promise.all(
      ['running', 'held'].map((state) => this.#world.api<Page<RunSummary>>('GET', `/runs?state=${state}&limit=200`)),
    );
    return pages.flatMap(({ items }) => items.map(({ id }) => id));
  }

  /** Killed ones, too, whose workflows are still to be stopped. */
  async #unclosed(): Promise<readonly RunSummary[]> {
    const found: RunSummary[] = [];
    let cursor: string | null = null;
    for (let more = true; more;) {
      const page: Page<RunSummary> | null = await this.#world
        .api<Page<RunSummary>>('GET', `/runs?limit=200${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`)
        .catch(() => null);
      if (page === null) {
        await delay(500);
        continue;
      }
      found.push(...page.items.filter(({ closedAt }) => closedAt === null));
      cursor = page.next;
      more = cursor !== null;
    }
    return found;
  }

  async #waiting(): Promise<readonly HoldView[]> {
    return (await this.#world.api<Page<HoldView>>('GET', '/holds?limit=200')).items;
  }
}

/** While things are away, and where somebody else was quicker, people come again. What was asked wrongly is a mistake here. */
async function tolerant(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (/: 4(?:00|01|03|04) /.test(String(error))) throw error;
  }
}
