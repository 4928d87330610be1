import { Refusal } from '../core/index.ts';
import type { Choice, HoldId, HoldKind, Json, Raise } from '../core/index.ts';
import { personPrincipal } from '../approvals/index.ts';
import type { DecideAsk, Decider, Decision } from '../approvals/index.ts';
import { findHold } from '../ledger/index.ts';
import type { Database, HoldRecord } from '../ledger/index.ts';
import type { Clock } from './clock.ts';
import type { Watch } from './watch.ts';

export interface DecideWith<Input> {
  readonly note?: string;
  /** Changed fields of the input, with `approve`. */
  readonly edit?: Partial<Input>;
  /** With `raise`: limits of the run, by how much. */
  readonly raise?: Raise;
  /** With `succeeded`: what the call would have returned. */
  readonly result?: Json;
}

/**
 * Something that waits for people, as it stood when it was expected: after an edit, expect it again. People are named by
 * id, and are held to all that holds people elsewhere.
 */
export interface TestHold<Input = unknown> {
  readonly id: HoldId;
  readonly kind: HoldKind;
  /** One line for people: why it waits. */
  readonly reason: string;
  /** What an approver reads first. */
  readonly title: string;
  /** Ids of the policies that ask; none for what no policy asks. */
  readonly policies: readonly string[];
  /** By the ledger's clock; null = it never expires. */
  readonly decideBy: Date | null;
  /** Resolves when the decision stands; what follows is to be awaited. Throws `Refusal`, as all of these do. */
  approve(by: string, given?: Pick<DecideWith<Input>, 'note' | 'edit'>): Promise<void>;
  deny(by: string, note: string): Promise<void>;
  decide(by: string, choice: Choice, given?: DecideWith<Input>): Promise<void>;
  /** Lets its time pass. Throws `hold_without_deadline`, and `hold_closed` where it was decided before. */
  expire(): Promise<void>;
}

export interface HoldParts {
  readonly db: Database;
  readonly decide: (who: Decider, ask: DecideAsk) => Promise<Decision>;
  readonly clock: Clock;
  readonly watch: Watch;
}

export function testHold<Input>({ db, decide: decideAs, clock, watch }: HoldParts, record: HoldRecord): TestHold<Input> {
  const { id, kind, reason, decideBy } = record;

  async function decide(by: string, choice: Choice, { note, edit, raise, result }: DecideWith<Input> = {}): Promise<void> {
    const given = { note: note ?? null, raise: raise ?? null, edit: (edit as Json | undefined) ?? null, result };
    await decideAs({ principal: personPrincipal(by), kind: 'person' }, { hold: id, choice, seenVersion: record.version, ...given });
  }

  return {
    id,
    kind,
    reason,
    decide,
    title: record.shown.title,
    policies: record.requires.map(({ policy }) => policy),
    decideBy: decideBy === null ? null : new Date(decideBy),
    approve: (by, given) => decide(by, 'approve', given),
    deny: (by, note) => decide(by, 'deny', { note }),
    async expire() {
      if (decideBy === null) {
        throw new Refusal('invalid', 'hold_without_deadline', `Hold ${id} has no deadline: it waits for as long as people need.`, {
          hint: 'Decide it; only approvals expire.',
        });
      }
      const left = decideBy - (await clock.now()).getTime();
      if (left >= 0) await clock.advance(left + 1);
      const ended = await watch.until(async () => {
        const state = (await findHold(db, id))?.state;
        return state === undefined || state.kind === 'open' ? null : state;
      });
      if (ended?.kind === 'expired') return;
      throw new Refusal('conflict', 'hold_closed', `Hold ${id} did not expire: it is ${ended?.kind ?? 'open'}.`, {
        hint: 'Let it expire before anybody decides it.',
      });
    },
  };
}
