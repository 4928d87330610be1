import { AssertionError } from 'node:assert';
import type { Client } from '@temporalio/client';
import type { ActionRegistry } from '../activities/index.ts';
import { personPrincipal } from '../approvals/index.ts';
import { Refusal } from '../core/index.ts';
import type { Millis, Principal, RunId } from '../core/index.ts';
import { findRun, listCalls, listHolds } from '../ledger/index.ts';
import type { HoldRecord, RunRecord } from '../ledger/index.ts';
import type { ActionNames, ExpectedEffect, InputOf } from './action-names.ts';
import type { Effect } from './effect-record.ts';
import { callLine, compareEffects, effectsDiffer, expectedCall, expectedEffects, instead, isCall } from './expectations.ts';
import type { Happened } from './expectations.ts';
import { testHold } from './test-hold.ts';
import type { HoldParts, TestHold } from './test-hold.ts';

/** A run under test. What is expected and does not come about throws `AssertionError`, with what happened instead. */
export interface TestRun<Tree, Result> {
  readonly id: RunId;
  /** The open hold on such a call, as soon as there is one; without an input, on any call of the action. */
  expectHeld<Name extends ActionNames<Tree>>(action: Name, input?: InputOf<Tree, Name>): Promise<TestHold<InputOf<Tree, Name>>>;
  /** The open hold on the whole run, as soon as a limit stops it. */
  expectStopped(): Promise<TestHold<never>>;
  /**
   * That just these effects have begun, in this order; see `Effect`. Waits for those that are still missing, and for
   * nothing else: what must not happen is to be looked for when the run is held or has ended.
   */
  expectEffects(effects: readonly ExpectedEffect<Tree>[]): Promise<void>;
  effects(): readonly Effect[];
  /** What the workflow returns. Rejects as the workflow failed, and where it has not ended in time. */
  result(): Promise<Result>;
  /** The run as the ledger has it in the end. */
  ended(): Promise<RunRecord>;
  kill(by: string, reason: string): Promise<void>;
}

export interface RunParts extends HoldParts {
  readonly client: Client;
  readonly registry: ActionRegistry;
  readonly effects: readonly Effect[];
  readonly kill: (kill: { readonly runs: readonly RunId[]; readonly by: Principal; readonly reason: string }) => Promise<unknown>;
  readonly patience: Millis;
}

/** Holds of one run that are looked at; a run has few. */
const HOLDS = 200;

export function testRun<Tree, Result>(parts: RunParts, id: RunId): TestRun<Tree, Result> {
  const { db, client, registry, watch, patience } = parts;

  async function known(): Promise<RunRecord> {
    const run = await findRun(db, id);
    if (run !== null) return run;
    throw new Refusal('not_found', 'run_unknown', `The ledger knows no run ${id}.`);
  }

  async function happened(): Promise<Happened> {
    const [run, holds, calls] = await Promise.all([known(), listHolds(db, { run: id, limit: HOLDS }), listCalls(db, id)]);
    return { run, holds: holds.items, calls };
  }

  function inVain(run: RunRecord): string {
    return run.closed === null ? `within ${patience} ms` : 'before the run ended';
  }

  /** The first open hold that is meant; fails at once where the run has ended. */
  async function expectHold<Input>(what: string, meant: (hold: HoldRecord) => boolean): Promise<TestHold<Input>> {
    const found = await watch.until(async () => {
      // Read in this order: a run that was open has no holds after it that the list lacks.
      const { closed } = await known();
      const { items } = await listHolds(db, { run: id, state: 'open', limit: HOLDS });
      const hold = items.findLast(meant);
      return hold === undefined ? (closed === null ? null : { hold: null }) : { hold };
    });
    if (found !== null && found.hold !== null) return testHold(parts, found.hold);
    const seen = await happened();
    throw failed('expectHeld', instead(`${what} was not held ${inVain(seen.run)}.`, seen));
  }

  const mine = (): readonly Effect[] => parts.effects.filter(({ run }) => run === id);

  return {
    id,
    effects: mine,
    async expectHeld(action, input) {
      const expected = expectedCall(registry, action, input);
      return expectHold(callLine(expected), (hold) => isCall(registry, expected, hold));
    },
    expectStopped: () => expectHold('The whole run', (hold) => hold.key === null),
    async expectEffects(listed) {
      const expected = expectedEffects(registry, listed);
      const found = await watch.until(async () => {
        const { closed } = await known();
        const compared = compareEffects(expected, mine());
        return compared === 'fewer' && closed === null ? null : { compared };
      });
      if (found?.compared === 'same') return;
      const began = mine();
      const shown = (effects: readonly { readonly action: string; readonly input: unknown }[]) =>
        effects.map(({ action, input }) => [action, input]);
      throw failed('expectEffects', effectsDiffer(await known(), expected, began), { actual: shown(began), expected: listed });
    },
    async result() {
      const timer = new AbortController();
      const ended = client.workflow.getHandle(id).result() as Promise<Result>;
      const late = new Promise<null>((resolve) => {
        const timeout = setTimeout(() => resolve(null), patience);
        timer.signal.addEventListener('abort', () => clearTimeout(timeout));
      });
      const first = await Promise.race([ended.then((value) => ({ value })), late]).finally(() => timer.abort());
      if (first !== null) return first.value;
      ended.catch(() => undefined);
      throw failed('result', instead(`${id} did not end within ${patience} ms.`, await happened()));
    },
    async ended() {
      const run = await watch.until(async () => {
        const now = await known();
        return now.closed === null ? null : now;
      });
      if (run !== null) return run;
      throw failed('ended', instead(`${id} did not end within ${patience} ms.`, await happened()));
    },
    async kill(by, reason) {
      await parts.kill({ runs: [id], by: personPrincipal(by), reason });
    },
  };
}

/** An error that every test runner shows as a failed expectation. */
function failed(operator: string, message: string, difference: { actual?: unknown; expected?: unknown } = {}): AssertionError {
  return new AssertionError({ message, operator, ...difference });
}
