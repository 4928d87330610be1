import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Refusal } from '../core/index.ts';
import { governActivities, namedArguments } from './govern-activities.ts';
import { registerActions } from './registry.ts';

const WORST = { readOnly: false, destructive: true, idempotent: false, openWorld: true } as const;
const context = { secret: (reference: string) => `the ${reference}` } as never;

class Shop {
  readonly #till: string[] = [];

  chargeCard(order: string, cents: number, note?: string): string {
    this.#till.push(`${order} ${cents} ${note ?? '-'}`);
    return this.#till.join(', ');
  }

  async sendMail(): Promise<void> {
    // Nothing to give back.
  }
}

function refusal(work: () => unknown): Refusal {
  try {
    work();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('existing activities', () => {
  it('become actions under their own names, and are called with their arguments in order, on their own object', async () => {
    const args = { order: z.string(), cents: z.int(), note: z.string().optional() };
    const actions = governActivities(new Shop(), { chargeCard: { annotations: WORST, args }, '*': { annotations: WORST } });
    const registry = registerActions(actions);
    expect([...registry.keys()].toSorted()).toEqual(['chargeCard', 'sendMail']);
    expect(registry.get('chargeCard')?.manifest).toMatchObject({
      summary: 'chargeCard',
      input: { properties: { order: { type: 'string' }, cents: { type: 'integer' } }, required: ['order', 'cents'] },
    });
    expect(await actions['chargeCard']?.run({ order: 'o1', cents: 5 }, context)).toBe('o1 5 -');
    expect(await actions['chargeCard']?.run({ order: 'o2', cents: 7, note: 'gift' }, context)).toBe('o1 5 -, o2 7 gift');
    expect(await actions['sendMail']?.run({}, context)).toBeUndefined();
  });

  it('keep their names when a module exports them as a whole, and may not share one with another action', () => {
    const actions = governActivities({ act: () => null }, { '*': { annotations: WORST } });
    expect([...registerActions({ actions }).keys()]).toEqual(['act']);
    expect(
      refusal(() => registerActions({ actions, more: governActivities({ act: () => null }, { '*': { annotations: WORST } }) })),
    ).toMatchObject({
      code: 'action_invalid',
      message: 'Action "act": two actions have this name.',
    });
  });

  it('without names have numbered arguments, none of which is lost', async () => {
    const got: unknown[][] = [];
    const actions = governActivities({ any: (...args: unknown[]) => void got.push(args) }, { '*': { annotations: WORST } });
    for (const args of [[], ['a'], ['a', undefined, { c: 1 }], [null, 2]]) await actions['any']?.run(namedArguments(args, []), context);
    expect(got).toEqual([[], ['a'], ['a', undefined, { c: 1 }], [null, 2]]);
    expect(namedArguments(['a', undefined, 3], ['first'])).toEqual({ first: 'a', arg3: 3 });
  });

  it('get the secret that a parameter refers to', async () => {
    const args = { key: z.string(), text: z.string() };
    const actions = governActivities(
      { post: (key: string, text: string) => [key, text] },
      { post: { annotations: WORST, args, secrets: ['key'] } },
    );
    expect(await actions['post']?.run({ key: 'secret:MAIL', text: 'secret:NO' }, context)).toEqual(['the secret:MAIL', 'secret:NO']);
  });

  it('that nobody speaks of are refused, with the lines to paste', () => {
    const { code, message, hint } = refusal(() => governActivities(new Shop(), { sendMail: { annotations: WORST } }));
    expect([code, message]).toEqual(['activity_undeclared', 'governActivities says nothing of these activities: chargeCard.']);
    expect(hint).toContain('chargeCard: { annotations: { readOnly: false, destructive: true, idempotent: false, openWorld: true } },');
  });

  it('that are not there are refused, with the one that was probably meant', () => {
    const metadata = { chargeCrad: { annotations: WORST }, '*': { annotations: WORST } };
    expect(refusal(() => governActivities(new Shop(), metadata as never))).toMatchObject({
      code: 'activity_unknown',
      hint: 'Did you mean "chargeCard"?',
    });
  });

  it('whose metadata states not all annotations are refused at registration', () => {
    const actions = governActivities({ act: () => null }, { act: { annotations: { readOnly: true } as never } });
    expect(refusal(() => registerActions(actions))).toMatchObject({ code: 'action_invalid' });
  });
});
