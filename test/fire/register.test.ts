import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { HoldId } from '../../core/index.ts';
import { decideHold, findHold, LedgerError, openPostgres } from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';
import { all, counter, describeRaces } from '../e2e/race.ts';
import { startPostgresProxy } from '../postgres-proxy.ts';
import type { PostgresProxy } from '../postgres-proxy.ts';
import { askHeld, heldRequest, says, sampleRun } from '../sample-run.ts';
import { seeded } from './seed.ts';
import type { Draw } from './seed.ts';
import { contradiction } from './write-once.ts';
import type { Heard, Operation } from './write-once.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

const CLIENTS = 50;
const EACH = 4;
const ROUNDS = 20;
const people = Array.from({ length: CLIENTS }, (_, index) => `person:p${index}`);
const groups = { 'release-managers': people, operators: people };

describeRaces(`the decisions of ${CLIENTS} clients at once on one hold`, (open, kind) => {
  let db: Database;
  /** Every other client's way to the ledger: on Postgres through a line that is cut now and then. */
  let other: Database;
  let proxy: PostgresProxy | undefined;
  beforeAll(async () => {
    other = db = open();
    if (kind === 'pglite') return;
    const [at] = await db.query<{ host: string; port: number; name: string }>(
      'SELECT host(inet_server_addr()) AS host, inet_server_port() AS port, current_database() AS name',
    );
    proxy = await startPostgresProxy(`postgres://postgres:postgres@${at?.host}:${at?.port}/${at?.name}`);
    other = await openPostgres({ url: proxy.url, poolSize: 20 });
  });
  afterAll(async () => {
    if (other !== db) await other.close();
    await proxy?.close();
  });

  async function writes(by: Database, hold: HoldId, person: string, draw: Draw): Promise<Heard<string>> {
    const choice = draw.below(2) === 0 ? ('approve' as const) : ('deny' as const);
    const value = `${choice} of ${person}`;
    try {
      const ruling = await decideHold(by, hold, says({ person, groups, choice, note: 'so' }));
      return ruling?.kind === 'accepted' ? { kind: 'wrote', value } : { kind: 'refused' };
    } catch (error) {
      if (error instanceof LedgerError && error.code === 'ledger_away') return { kind: 'lost', value };
      throw error;
    }
  }

  async function reads(by: Database, hold: HoldId): Promise<Heard<string> | null> {
    try {
      const state = (await findHold(by, hold))?.state;
      if (state?.kind === 'open') return { kind: 'read', value: null };
      if (state?.kind !== 'granted' && state?.kind !== 'denied') throw new Error(`The hold is ${state?.kind}.`);
      return { kind: 'read', value: `${state.choice} of ${state.kind === 'granted' ? state.by.join() : state.by}` };
    } catch (error) {
      // What was read and not heard says nothing.
      if (error instanceof LedgerError && error.code === 'ledger_away') return null;
      throw error;
    }
  }

  it('are those of a register that is written once', async (context) => {
    const draw = seeded(context);
    const tick = counter();
    const kinds = new Map<string, number>();
    for (let round = 0; round < ROUNDS; round += 1) {
      const hold = await askHeld(db, await sampleRun(db), heldRequest('/1'));
      const history: Operation<string>[] = [];
      // Whoever writes early in a round differs.
      const likely = 1 + draw.below(12);
      await all(CLIENTS, async (index) => {
        const by = index % 2 === 0 ? db : other;
        for (let count = 0; count < EACH; count += 1) {
          const from = tick();
          const heard = await (draw.below(likely) === 0 ? writes(by, hold, people[index] ?? '', draw) : reads(by, hold));
          if (heard !== null) history.push({ ...heard, from, to: tick() });
          if (round % 2 === 1 && draw.below(CLIENTS) === 0) proxy?.cut();
        }
      });
      expect(contradiction(history), JSON.stringify(history)).toBeNull();
      for (const operation of history) kinds.set(operation.kind, (kinds.get(operation.kind) ?? 0) + 1);
    }
    const seen = [...kinds.keys()].toSorted();
    expect(seen).toEqual(kind === 'postgres' ? ['lost', 'read', 'refused', 'wrote'] : ['read', 'refused', 'wrote']);
  });
});
