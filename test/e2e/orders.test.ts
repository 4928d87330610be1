import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleWorkflowCode, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as activities from '../../examples/orders/activities.ts';
import { ledgerOfTheShop } from '../../examples/orders/activities.ts';
import { actions } from '../../examples/orders/actions.ts';
import type { Order } from '../../examples/orders/workflows.ts';
import { registerActions } from '../../activities/index.ts';
import type { Database } from '../../ledger/index.ts';
import { loadPolicies, testPolicies } from '../../policy/index.ts';
import { openFreshLedger } from '../temporal-lab.ts';
import { SILENT, supervised } from './supervised.ts';
import type { Supervised } from './supervised.ts';

const EXAMPLE = join(import.meta.dirname, '../../examples/orders');
const workflowsPath = join(EXAMPLE, 'workflows.ts');
const policies = readFileSync(join(EXAMPLE, 'policies/orders.cedar'), 'utf8');
const groups = { finance: ['ada', 'ben'], operators: ['ops'] };

describe('the order saga of an application that knows nothing of Holdpoint', () => {
  let db: Database;
  let world: Supervised;
  beforeAll(async () => {
    db = await openFreshLedger();
    world = await supervised({ db, policies, groups, actions, workflowsPath });
  });
  beforeEach(() => {
    ledgerOfTheShop.length = 0;
  });
  afterAll(async () => {
    await world.stop();
    await db.close();
  });

  const order = (id: string, cents: number): Order => ({ id, sku: 'book', quantity: 2, cents, address: '1 Main St' });

  /** On a worker of its own, as before Holdpoint came. */
  async function raw(input: Order): Promise<{ result: unknown; told: string[] }> {
    const taskQueue = `raw-${input.id}-${Math.random().toString(36).slice(2)}`;
    const workflowBundle = await bundleWorkflowCode({ workflowsPath, logger: SILENT });
    const worker = await Worker.create({ connection: world.native, taskQueue, workflowBundle, activities });
    const result: unknown = await worker.runUntil(() =>
      world.client.workflow.execute('orderSaga', { taskQueue, workflowId: taskQueue, args: [input] }),
    );
    return { result, told: ledgerOfTheShop.splice(0) };
  }

  /** Started by the application's client, and admitted by an operator the first time. */
  async function governed(input: Order) {
    const started = await world.startElsewhere('orderSaga', input);
    await world.until('its first call', async () => (await world.calls(started.run)).length > 0);
    const [asked] = (await world.holds(started.run)).filter(({ kind, state }) => kind === 'admission' && state.kind === 'open');
    if (asked !== undefined) await world.decide(asked.id, { person: 'person:ops', choice: 'admit' });
    return started;
  }
  const approval = async (run: string) =>
    await world.until('its charge to be held', async () =>
      (await world.holds(run)).find(({ kind, state }) => kind === 'approval' && state.kind === 'open'),
    );

  it('does the same under Holdpoint, where nothing is asked', async () => {
    const before = await raw(order('o-1', 2_500));
    expect(await (await governed(order('o-1', 2_500))).result()).toBe(before.result);
    expect(ledgerOfTheShop).toEqual(before.told);
    expect(before.result).toBe('parcel-o-1');
  });

  it('fails and compensates the same, with the type of failure that its own code expects', async () => {
    const before = await raw(order('o-2', 2_000_000));
    const started = await governed(order('o-2', 2_000_000));
    const hold = await approval(started.run);
    for (const person of ['person:ada', 'person:ben']) await world.decide(hold.id, { person });
    expect(await started.result()).toBe(before.result);
    expect(ledgerOfTheShop).toEqual(before.told);
    expect(before.result).toBe('cancelled: CardDeclined');
  });

  it('waits for people at a large charge, with what they must know on the card', async () => {
    const started = await governed(order('o-3', 25_000));
    const hold = await approval(started.run);
    expect(hold.shown).toMatchObject({
      title: 'Charge 25000 cents for order o-3',
      fields: [
        { name: 'cents', value: '25000' },
        { name: 'order', value: 'o-3' },
      ],
    });
    expect(ledgerOfTheShop).toEqual(['reserve 2 book for o-3']);
    for (const person of ['person:ada', 'person:ben']) await world.decide(hold.id, { person });
    expect(await started.result()).toBe('parcel-o-3');
    expect(ledgerOfTheShop).toEqual(['reserve 2 book for o-3', 'charge 25000 for o-3', 'ship o-3 to 1 Main St']);
  });

  it('undoes what it did when a person denies', async () => {
    const started = await governed(order('o-4', 25_000));
    await world.decide((await approval(started.run)).id, { person: 'person:ben', choice: 'deny', note: 'a known fraud' });
    expect(await started.result()).toBe('cancelled: ActionDenied');
    expect(ledgerOfTheShop).toEqual(['reserve 2 book for o-4', 'release 2 book of o-4']);
  });
});

it('its policies do what their cases say', () => {
  const manifests = [...registerActions(actions).values()].map(({ manifest }) => manifest);
  const set = loadPolicies({ sources: [{ file: 'orders.cedar', text: policies }], manifests, groups });
  const file = 'orders.test.yaml';
  const results = testPolicies(set, readFileSync(join(EXAMPLE, 'policies', file), 'utf8'), file);
  expect(results.filter(({ passed }) => !passed)).toEqual([]);
});
