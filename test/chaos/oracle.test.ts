import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { auditPreimage, auditText } from '../../core/index.ts';
import type { AuditEntry } from '../../core/index.ts';
import { BEGINS_WITHIN, frozen, judge, SLACK, VIOLATIONS } from './oracle.ts';
import type { Acknowledgement, ChaosEffect, Evidence, LedgerCall, LedgerHold, LedgerRun } from './oracle.ts';

const LATE = BEGINS_WITHIN + SLACK;

interface Record {
  readonly run: LedgerRun;
  readonly effects: ChaosEffect[];
  readonly acknowledgements: Acknowledgement[];
  readonly calls: LedgerCall[];
  readonly holds: LedgerHold[];
  readonly said: readonly (AuditEntry & { readonly at: number })[];
}

const RUN: LedgerRun = {
  id: 'run-a',
  closed: 'succeeded',
  fencedAt: null,
  stepsUsed: 3,
  stepsLimit: 3,
  spendLimit: 1_200,
  settled: 1_200,
  reserved: 0,
  overrun: 0,
  claimed: 0,
  openHolds: 0,
  auditSeq: 6,
  auditHead: '',
};
const effect = (key: string, at: number, more: Partial<ChaosEffect> = {}): ChaosEffect => {
  return { run: 'run-a', key, action: 'chaos.charge', idempotent: false, worker: 'worker-1', at, cost: 400, ...more };
};
const claimed = (key: string, at: number) => ({ kind: 'call.claimed', at, body: { key } });
const decided = (kind: string, at: number, choice: string, key: string, hold: string) => ({ kind, at, body: { hold, key, choice } });
const word = (at: number, choice: string, key: string, hold: string): Acknowledgement => {
  return { kind: 'decision', at, run: 'run-a', hold, key, choice };
};

/** A charge that ran again by leave, a put, a deny: nothing is wrong with it. */
const GOOD: Record = {
  run: RUN,
  effects: [effect('/1', 1_010), effect('/1', 5_010), effect('/2', 6_010, { idempotent: true })],
  acknowledgements: [word(4_000, 'run-again', '/1', 'hold-1'), word(7_010, 'deny', '/3', 'hold-3')],
  calls: [
    { run: 'run-a', key: '/1', state: 'succeeded', reserved: 0, spend: 800 },
    { run: 'run-a', key: '/2', state: 'succeeded', reserved: 0, spend: 400 },
    { run: 'run-a', key: '/3', state: 'refused', reserved: 0, spend: 0 },
  ],
  holds: [
    { id: 'hold-1', run: 'run-a', state: 'granted' },
    { id: 'hold-3', run: 'run-a', state: 'denied' },
  ],
  said: [
    claimed('/1', 1_000),
    decided('hold.granted', 4_000, 'run-again', '/1', 'hold-1'),
    claimed('/1', 5_000),
    claimed('/2', 6_000),
    decided('hold.denied', 7_000, 'deny', '/3', 'hold-3'),
    { kind: 'run.closed', at: 8_000, body: {} },
  ],
};

function evidence(change: Partial<Omit<Record, 'run'>> & { readonly run?: Partial<LedgerRun> } = {}): Evidence {
  const { said, ...rest } = { ...GOOD, ...change };
  let head = '';
  const audit = said.map(({ at, kind, body }, index) => {
    const row = { seq: index + 1, at, text: auditText({ kind, body }) };
    head = createHash('sha256').update(auditPreimage(head, row)).digest('hex');
    return { chain: 'run-a', ...row, hash: head };
  });
  return { freezes: [], ...rest, audit, runs: [{ ...RUN, auditHead: head, auditSeq: audit.length, ...change.run }] };
}
const names = (given: Evidence): string[] => judge(given).map(({ name }) => name);

const KILL: Acknowledgement = { kind: 'kill', at: 5_000, run: 'run-a', hold: null, key: null, choice: null };
const killedAt = (begins: number): Evidence =>
  evidence({
    run: { closed: 'killed', fencedAt: 4_990 },
    acknowledgements: [{ ...KILL, at: 5_000 }],
    effects: [effect('/1', 1_010), effect('/2', begins)],
    said: [claimed('/1', 1_000), claimed('/2', 4_980)],
  });
const deniedThen = (...rest: Record['said']): Evidence =>
  evidence({
    acknowledgements: [word(2_000, 'deny', '/1', 'hold-0')],
    effects: [effect('/1', 2_000 + LATE + 100)],
    said: [decided('hold.denied', 1_990, 'deny', '/1', 'hold-0'), ...rest, claimed('/1', 2_000 + LATE)],
  });

/** For each violation, records that have it and nothing else. */
const BAD: { readonly [Name in (typeof VIOLATIONS)[number]]: readonly Evidence[] } = {
  'effect without an earlier verdict': [
    evidence({ said: GOOD.said.filter(({ at }) => at !== 6_000) }),
    evidence({ said: GOOD.said.map((row) => (row.at === 6_000 ? { ...row, at: 6_050 } : row)) }),
    evidence({ said: GOOD.said.filter(({ at }) => at !== 5_000) }),
  ],
  'effect repeated without leave': [
    evidence({ said: GOOD.said.filter(({ at }) => at !== 4_000), acknowledgements: [] }),
    evidence({ said: [...GOOD.said.filter(({ at }) => at !== 4_000), decided('hold.granted', 5_500, 'run-again', '/1', 'hold-1')] }),
  ],
  'effect after an acknowledged kill': [killedAt(5_000 + LATE + 1)],
  'effect after an acknowledged deny': [deniedThen()],
  'steps above the limit': [evidence({ run: { stepsUsed: 4 } }), evidence({ run: { stepsUsed: 2, stepsLimit: 2 } })],
  'spend above the limit': [
    evidence({ run: { spendLimit: 1_199 } }),
    evidence({ effects: GOOD.effects.map((one) => ({ ...one, cost: 401 })) }),
  ],
  'audit chain broken': [
    evidence({ run: { auditSeq: 7 } }),
    evidence({ run: { auditHead: 'another' } }),
    { ...evidence(), audit: evidence().audit.map((row) => (row.seq === 3 ? { ...row, at: row.at + 1 } : row)) },
    { ...evidence(), audit: evidence().audit.filter(({ seq }) => seq !== 6) },
  ],
  'open hold of a closed run': [evidence({ run: { openHolds: 1 }, holds: [...GOOD.holds, { id: 'hold-4', run: 'run-a', state: 'open' }] })],
  'counters are not their sums': [
    evidence({ run: { claimed: 1 } }),
    evidence({ run: { openHolds: 1 } }),
    evidence({ run: { settled: 1_199, overrun: 0 } }),
    evidence({ run: { settled: 1_100, reserved: 100, overrun: 100 } }),
  ],
  'run never closed': [evidence({ run: { closed: null } })],
  'acknowledgement lost': [
    evidence({ acknowledgements: [...GOOD.acknowledgements, KILL], effects: [] }),
    evidence({ said: GOOD.said.filter(({ at }) => at !== 7_000) }),
    evidence({ acknowledgements: [...GOOD.acknowledgements, word(7_500, 'approve', '/2', 'hold-9')] }),
  ],
};

describe('the oracle of chaos', () => {
  it('finds nothing where nothing is wrong', () => {
    expect(judge(evidence())).toEqual([]);
  });

  it.each(VIOLATIONS)('finds: %s', (name) => {
    expect(BAD[name].map(names)).toEqual(BAD[name].map(() => [name]));
  });

  it('lets what was claimed before a kill begin within its second, and its slack', () => {
    expect(names(killedAt(5_000 + LATE))).toEqual([]);
  });

  it('counts only the time in which a worker ran, since nobody can hold back what is frozen in its last instant', () => {
    const late = killedAt(5_000 + LATE + 3_000);
    const freeze = (worker: string, from: number, until: number) => ({ ...late, freezes: [{ worker, from, until }] });
    expect(names(freeze('worker-1', 4_990, 9_000))).toEqual([]);
    expect(names(freeze('worker-2', 4_990, 9_000))).toEqual(['effect after an acknowledged kill']);
    expect(names(freeze('worker-1', 1_000, 7_900))).toEqual(['effect after an acknowledged kill']);
    expect(frozen([{ worker: 'w', from: 10, until: 30 }], 'w', 20, 100)).toBe(10);
  });

  it('takes a later yes to the same step for what it is', () => {
    expect(names(deniedThen(decided('hold.granted', 2_500, 'approve', '/1', 'hold-5')))).toEqual([]);
    expect(names(deniedThen(decided('hold.granted', 2_500, 'approve', '/9', 'hold-5')))).toEqual(['effect after an acknowledged deny']);
  });

  it('lets an idempotent call run as often as it was claimed', () => {
    const twice = [effect('/2', 6_010, { idempotent: true }), effect('/2', 6_510, { idempotent: true })];
    const said = [claimed('/2', 6_000), claimed('/2', 6_500)];
    expect(names(evidence({ acknowledgements: [], effects: twice, said }))).toEqual([]);
  });
});
