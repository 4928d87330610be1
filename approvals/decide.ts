import { Refusal, ruleDecision } from '../core/index.ts';
import type {
  ActionManifest,
  CanonicalText,
  Choice,
  Hold,
  HoldId,
  Json,
  Principal,
  Raise,
  Ruling,
  StoredResult,
  Vote,
} from '../core/index.ts';
import { decideHold, findHold, listManifests } from '../ledger/index.ts';
import type { Database, HoldRecord } from '../ledger/index.ts';
import { checkEdit, checkResult } from './edits.ts';
import { fromLedger } from './ledger-refusal.ts';
import type { Directory } from './people.ts';

export interface DecideDeps {
  readonly db: Database;
  readonly directory: Directory;
  /** Encodes a result as the gate stores its own, with the same codecs. */
  readonly storeResult: (result: Json) => Promise<StoredResult>;
  /** What the workers published. Default: from the ledger. */
  readonly manifests?: () => Promise<readonly ActionManifest[]>;
}

/** Whoever asks, as the credential says; never a name from a message. */
export interface Decider {
  readonly principal: Principal;
  readonly kind: 'person' | 'machine';
}

export interface DecideAsk {
  readonly hold: HoldId;
  readonly choice: Choice;
  /** The version that the person looked at. */
  readonly seenVersion: number;
  readonly note: string | null;
  readonly raise: Raise | null;
  /** Changed top-level input fields. */
  readonly edit: Json | null;
  /** With `succeeded`: what the action would have returned, null included. Absent = none is given. */
  readonly result?: Json | undefined;
}

/** An accepted decision. `hold` stays open while others must agree. */
export interface Decision {
  readonly hold: Hold;
  readonly vote: Vote;
}

/**
 * One person's decision on one hold, for every way by which people decide. Nothing is written unless it
 * is accepted. Throws `Refusal`: `machine_cannot_decide`, `hold_unknown`, `ledger_away`, what `checkEdit`
 * and `checkResult` refuse, and what the ruling says (`hold_closed`, `hold_changed`, `not_eligible` …).
 */
export async function decide(deps: DecideDeps, who: Decider, ask: DecideAsk): Promise<Decision> {
  if (who.kind !== 'person' || !who.principal.startsWith('person:')) {
    throw new Refusal('refused', 'machine_cannot_decide', `${who.principal} is a machine, and machines never decide.`, {
      hint: 'Decide with the credential of a person who is a member of an approving group.',
    });
  }
  const seen = await fromLedger(findHold(deps.db, ask.hold));
  if (seen === null) throw holdUnknown(ask.hold);
  const { edit, result } = await prepare(deps, seen, ask);
  // The edit was checked against what was read; under the lock it counts for that version only.
  const rule = (version: number) => (edit === null || version === seen.version ? ask.seenVersion : seen.version);
  const ruling = await fromLedger(
    decideHold(deps.db, ask.hold, (facts) =>
      ruleDecision(facts, {
        person: who.principal,
        groups: deps.directory.groups(),
        choice: ask.choice,
        seenVersion: rule(facts.hold.version),
        note: ask.note,
        raise: ask.raise,
        edit,
        result,
      }),
    ),
  );
  if (ruling === null) throw holdUnknown(ask.hold);
  return accepted(ruling, ask.hold);
}

interface Prepared {
  readonly edit: CanonicalText | null;
  readonly result: StoredResult | null;
}

async function prepare(deps: DecideDeps, seen: HoldRecord, ask: DecideAsk): Promise<Prepared> {
  const nothing: Prepared = { edit: null, result: null };
  if (ask.edit === null && ask.result === undefined) return nothing;
  if (seen.action === null || seen.input === null) {
    throw new Refusal('invalid', 'choice_mismatch', `Hold ${seen.id} concerns the whole run: it takes no edit and no result.`, {
      hint: 'Leave it out.',
    });
  }
  const manifest = await manifestOf(deps, seen.action);
  const edit = ask.edit === null ? null : checkEdit({ hold: seen, input: seen.input, manifest, changes: ask.edit });
  if (ask.result === undefined) return { edit, result: null };
  checkResult(manifest, ask.result);
  return { edit, result: await deps.storeResult(ask.result) };
}

async function manifestOf({ db, manifests }: DecideDeps, action: string): Promise<ActionManifest> {
  const published = await fromLedger(manifests === undefined ? listManifests(db) : manifests());
  const manifest = published.find((one) => one.action === action);
  if (manifest) return manifest;
  throw new Refusal(
    'conflict',
    'action_unpublished',
    `No worker has published action "${action}", so an edit or a result cannot be checked.`,
    {
      hint: 'Decide without it, or start a worker that has the action.',
      data: { action },
    },
  );
}

function accepted(ruling: Ruling, hold: HoldId): Decision {
  if (ruling.kind === 'accepted') return { hold: ruling.hold, vote: ruling.vote };
  const { kind, code, message, hint } = ruling.refusal;
  throw new Refusal(kind, code, message, { hint, data: { hold } });
}

function holdUnknown(hold: HoldId): Refusal {
  return new Refusal('not_found', 'hold_unknown', `There is no hold ${JSON.stringify(hold)}.`, {
    hint: 'List the open ones: holdpoint hold list.',
    data: { hold },
  });
}
