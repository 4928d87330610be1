import { createHash } from 'node:crypto';
import { auditPreimage } from '../../core/index.ts';
import type { AuditRow } from '../../core/index.ts';

/** One effect as it began, by the tool's own account. Instants are milliseconds since the epoch, money is micro-USD. */
export interface ChaosEffect {
  readonly run: string;
  /** Step key. */
  readonly key: string;
  readonly action: string;
  readonly idempotent: boolean;
  readonly worker: string;
  readonly at: number;
  readonly cost: number;
}

/** What a person was told to be done. */
export interface Acknowledgement {
  readonly kind: 'kill' | 'decision';
  readonly at: number;
  readonly run: string;
  /** Of a decision; a kill has none of these. */
  readonly hold: string | null;
  readonly key: string | null;
  readonly choice: string | null;
}

/** A worker that stood still. */
export interface Freeze {
  readonly worker: string;
  readonly from: number;
  readonly until: number;
}

export interface LedgerRun {
  readonly id: string;
  readonly closed: string | null;
  readonly fencedAt: number | null;
  readonly stepsUsed: number;
  readonly stepsLimit: number;
  readonly spendLimit: number;
  readonly settled: number;
  readonly reserved: number;
  readonly overrun: number;
  readonly claimed: number;
  readonly openHolds: number;
  readonly auditSeq: number;
  readonly auditHead: string;
}
export interface LedgerCall {
  readonly run: string;
  readonly key: string;
  readonly state: string;
  readonly reserved: number;
  readonly spend: number;
}
export interface LedgerHold {
  readonly id: string;
  readonly run: string;
  readonly state: string;
}

/** All that the oracle judges by. */
export interface Evidence {
  readonly effects: readonly ChaosEffect[];
  readonly acknowledgements: readonly Acknowledgement[];
  readonly freezes: readonly Freeze[];
  readonly runs: readonly LedgerRun[];
  readonly calls: readonly LedgerCall[];
  readonly holds: readonly LedgerHold[];
  /** Oldest first within a chain. */
  readonly audit: readonly (AuditRow & { readonly chain: string })[];
}

export const VIOLATIONS = [
  'effect without an earlier verdict',
  'effect repeated without leave',
  'effect after an acknowledged kill',
  'effect after an acknowledged deny',
  'steps above the limit',
  'spend above the limit',
  'audit chain broken',
  'open hold of a closed run',
  'counters are not their sums',
  'run never closed',
  'acknowledgement lost',
] as const;
export interface Violation {
  readonly name: (typeof VIOLATIONS)[number];
  readonly run: string;
  readonly detail: string;
}

/** What is claimed before a kill begins within this, or never. */
export const BEGINS_WITHIN = 1_000;
/** One machine, one clock: what lies between the gate's last look at its own clock and the tool's, when the processors are busy. */
export const SLACK = 500;
/** The ledger's clock and the tool's are the same one, each rounded to a millisecond. */
const ROUNDING = 2;

interface Said {
  readonly at: number;
  readonly kind: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Everything that breaks a promise, from what the tools did, the ledger says and people were told. Pure. */
export function judge(evidence: Evidence): readonly Violation[] {
  const chains = grouped(evidence.audit, ({ chain }) => chain);
  const said = new Map([...chains].map(([chain, rows]) => [chain, rows.map(saidBy)]));
  return [
    ...judgeEffects(evidence, said),
    ...judgeAcknowledged(evidence, said),
    ...judgeRuns(evidence),
    ...judgeChains(evidence, chains),
    ...judgeCounters(evidence),
  ];
}

/** Mediation, and at most once: the n-th effect of a call needs an n-th claim, and of a call that must not be repeated a person's leave. */
function judgeEffects({ effects }: Evidence, said: ReadonlyMap<string, readonly Said[]>): Violation[] {
  return [...grouped(effects, ({ run, key }) => `${run}${key}`).values()].flatMap((begun) => {
    const [first] = begun as [ChaosEffect];
    const of = (said.get(first.run) ?? []).filter(({ body }) => body['key'] === first.key);
    const claims = of.filter(({ kind }) => kind === 'call.claimed').map(({ at }) => at);
    const again = of.filter(({ kind, body }) => kind === 'hold.granted' && body['choice'] === 'run-again').map(({ at }) => at);
    return begun.flatMap((effect, index) => {
      const found: Violation[] = [];
      const before = (instants: readonly number[]): number => instants.filter((at) => at <= effect.at + ROUNDING).length;
      const what = `${effect.action} ${effect.key} by ${effect.worker} at ${effect.at}, effect ${index + 1} of the call`;
      if (before(claims) <= index)
        found.push({ name: 'effect without an earlier verdict', run: effect.run, detail: `${what}; claims before it: ${before(claims)}` });
      if (!effect.idempotent && 1 + before(again) <= index)
        found.push({ name: 'effect repeated without leave', run: effect.run, detail: `${what}; leave given: ${before(again)}` });
      return found;
    });
  });
}

/** Kill and deny are final as soon as they are acknowledged, and what is acknowledged is never lost. */
function judgeAcknowledged(evidence: Evidence, said: ReadonlyMap<string, readonly Said[]>): Violation[] {
  const runs = new Map(evidence.runs.map((run) => [run.id, run]));
  const effects = grouped(evidence.effects, ({ run }) => run);
  return evidence.acknowledgements.flatMap((acknowledged) => {
    const { run, kind, at, hold, key, choice } = acknowledged;
    const rows = said.get(run) ?? [];
    const found: Violation[] = [];
    const isKill = kind === 'kill' || choice === 'kill';
    const kept = isKill
      ? (runs.get(run)?.fencedAt ?? null) !== null
      : rows.some(({ kind: entry, body }) => /^hold\.(voted|granted|denied)$/.test(entry) && body['hold'] === hold);
    if (!kept) found.push({ name: 'acknowledgement lost', run, detail: `${choice ?? kind} of ${hold ?? run} at ${at}` });
    if (!isKill && choice !== 'deny') return found;
    for (const effect of effects.get(run) ?? []) {
      if (!isKill && effect.key !== key) continue;
      const passed = effect.at - at - frozen(evidence.freezes, effect.worker, at, effect.at);
      if (passed <= BEGINS_WITHIN + SLACK) continue;
      // Somebody else, or another time, said yes to the same step.
      if (!isKill && grantedBetween(rows, key, at, effect.at)) continue;
      const name = isKill ? 'effect after an acknowledged kill' : 'effect after an acknowledged deny';
      found.push({ name, run, detail: `${effect.action} ${effect.key} by ${effect.worker} began ${effect.at - at} ms after it` });
    }
    return found;
  });
}

function grantedBetween(rows: readonly Said[], key: string | null, from: number, until: number): boolean {
  return rows.some((row) => row.kind === 'hold.granted' && row.body['key'] === key && row.at >= from && row.at <= until + ROUNDING);
}

/**
 * How long a worker stood still between two instants. A process that is frozen between the gate's last check and its first
 * system call cannot be held back (README, "What this does not govern"): its second is one of running.
 */
export function frozen(freezes: readonly Freeze[], worker: string, from: number, until: number): number {
  return freezes
    .filter((freeze) => freeze.worker === worker)
    .reduce((sum, freeze) => sum + Math.max(0, Math.min(freeze.until, until) - Math.max(freeze.from, from)), 0);
}

/** Limits, as the ledger counts them and as the tools do; and that everything has ended. */
function judgeRuns({ runs, effects, holds }: Evidence): Violation[] {
  const done = grouped(effects, ({ run }) => run);
  const open = grouped(
    holds.filter(({ state }) => state === 'open'),
    ({ run }) => run,
  );
  return runs.flatMap((run) => {
    const begun = done.get(run.id) ?? [];
    const cost = begun.reduce((sum, effect) => sum + effect.cost, 0);
    const found: Violation[] = [];
    const tell = (name: Violation['name'], detail: string): void => void found.push({ name, run: run.id, detail });
    const steps = Math.max(run.stepsUsed, begun.length);
    if (steps > run.stepsLimit) tell('steps above the limit', `${run.stepsUsed} counted, ${begun.length} effects, limit ${run.stepsLimit}`);
    const spend = Math.max(run.settled + run.reserved, cost);
    if (spend > run.spendLimit)
      tell('spend above the limit', `${run.settled + run.reserved} counted, ${cost} cost, limit ${run.spendLimit}`);
    if (run.closed === null) tell('run never closed', run.fencedAt === null ? 'not killed' : 'killed');
    const left = open.get(run.id) ?? [];
    if (run.closed !== null && left.length > 0) tell('open hold of a closed run', left.map(({ id }) => id).join(', '));
    return found;
  });
}

/** Each row against the one before it, by its hash and its number, and the last against the head that the run keeps. */
function judgeChains({ runs }: Evidence, chains: ReadonlyMap<string, readonly AuditRow[]>): Violation[] {
  return runs.flatMap((run) => {
    let [seq, head] = [0, ''];
    for (const row of chains.get(run.id) ?? []) {
      const hash = createHash('sha256').update(auditPreimage(head, row)).digest('hex');
      if (row.seq !== seq + 1 || row.hash !== hash) return [broken(run.id, `row ${row.seq}`)];
      [seq, head] = [row.seq, row.hash];
    }
    return seq === run.auditSeq && head === run.auditHead
      ? []
      : [broken(run.id, `the run says ${run.auditSeq} rows, and there are ${seq}`)];
  });
}

function broken(run: string, detail: string): Violation {
  return { name: 'audit chain broken', run, detail };
}

function judgeCounters({ runs, calls, holds }: Evidence): Violation[] {
  const callsOf = grouped(calls, ({ run }) => run);
  const holdsOf = grouped(holds, ({ run }) => run);
  return runs.flatMap((run) => {
    const mine = callsOf.get(run.id) ?? [];
    const claimed = mine.filter(({ state }) => state === 'claimed');
    const counted = [run.claimed, run.reserved, run.settled + run.overrun, run.openHolds];
    const sums = [
      claimed.length,
      claimed.reduce((sum, call) => sum + call.reserved, 0),
      mine.reduce((sum, call) => sum + call.spend, 0),
      (holdsOf.get(run.id) ?? []).filter(({ state }) => state === 'open').length,
    ];
    if (counted.every((count, index) => count === sums[index])) return [];
    const detail = `claimed, reserved, spend, open holds: ${counted.join(', ')} counted, ${sums.join(', ')} summed`;
    return [{ name: 'counters are not their sums', run: run.id, detail }] as const;
  });
}

function saidBy({ at, text }: AuditRow): Said {
  return { at, ...(JSON.parse(text) as Pick<Said, 'kind' | 'body'>) };
}

function grouped<T>(list: readonly T[], by: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of list) {
    const key = by(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
