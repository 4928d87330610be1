import { beforeAll, expect, it } from 'vitest';
import { describeLedgers } from '../test/ledgers.ts';
import { LEDGER_VERSION, migrate } from './index.ts';
import type { Database } from './index.ts';

describeLedgers('the database port', (open) => {
  let db: Database;
  beforeAll(async () => {
    db = await open();
    await db.query('CREATE TABLE notes (id bigint PRIMARY KEY, body text CHECK (body <> $$bad$$))');
  });
  const bodies = async (): Promise<unknown[]> =>
    (await db.query<{ body: string }>('SELECT body FROM notes ORDER BY id', [])).map((row) => row.body);

  it('gives whole numbers as numbers, and refuses those that JavaScript cannot hold', async () => {
    expect(await db.query('SELECT 9007199254740991::bigint AS n, count(*) AS c FROM notes')).toEqual([{ n: 9007199254740991, c: 0 }]);
    await expect(db.query('SELECT 9007199254740992::bigint AS n')).rejects.toMatchObject({ code: 'ledger_failed' });
  });

  it('commits what was sent without waiting for it', async () => {
    await db.transaction(async (tx) => {
      void tx.query('INSERT INTO notes VALUES ($1, $2)', [1, 'a']);
      void tx.query('INSERT INTO notes VALUES ($1, $2)', [2, 'b']);
    });
    expect(await bodies()).toEqual(['a', 'b']);
  });

  it('keeps nothing, and throws the first failure, when one that nobody waited for fails', async () => {
    const failing = db.transaction(async (tx) => {
      void tx.query('INSERT INTO notes VALUES ($1, $2)', [3, 'c']);
      void tx.query('INSERT INTO notes VALUES ($1, $2)', [4, 'bad']);
      void tx.query('INSERT INTO notes VALUES ($1, $2)', [5, 'e']);
    });
    await expect(failing).rejects.toMatchObject({
      name: 'LedgerError',
      code: 'invariant_broken',
      message: expect.stringContaining('notes_body_check'),
    });
    expect(await bodies()).toEqual(['a', 'b']);
  });

  it('keeps nothing when the body swallows a failure', async () => {
    const failing = db.transaction(async (tx) => {
      await tx.query('INSERT INTO notes VALUES ($1, $2)', [6, 'f']);
      await tx.query('INSERT INTO notes VALUES ($1, $2)', [7, 'bad']).catch(() => undefined);
    });
    await expect(failing).rejects.toMatchObject({ code: 'invariant_broken' });
    expect(await bodies()).toEqual(['a', 'b']);
  });

  it("throws the body's own error as it is, and keeps nothing", async () => {
    const mine = new TypeError('mine');
    const failing = db.transaction(async (tx) => {
      await tx.query('INSERT INTO notes VALUES ($1, $2)', [8, 'h']);
      throw mine;
    });
    await expect(failing).rejects.toBe(mine);
    expect(await bodies()).toEqual(['a', 'b']);
  });

  it('says nothing of the rows that a refused write held', async () => {
    const error = await db.query('INSERT INTO notes VALUES ($1, $2)', [1, 'hush']).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'invariant_broken' });
    expect(JSON.stringify([String(error), { ...((error as Error).cause as object) }])).not.toContain('hush');
  });

  it('tries again after a serialisation failure, and gives up in the end', async () => {
    let tries = 0;
    const raise = `DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$`;
    const passes = db.transaction(async (tx) => {
      tries += 1;
      if (tries < 3) await tx.query(raise);
      return tries;
    });
    expect(await passes).toBe(3);
    tries = 0;
    const fails = db.transaction(async (tx) => {
      tries += 1;
      await tx.query(raise);
    });
    await expect(fails).rejects.toMatchObject({ code: 'ledger_busy' });
    expect(tries).toBe(5);
  });

  it('hears what is notified, until it stops listening', async () => {
    const heard: string[] = [];
    let ring: () => void = () => undefined;
    const stop = await db.listen('bell', (payload) => {
      heard.push(payload);
      ring();
    });
    const rung = new Promise<void>((resolve) => (ring = resolve));
    await db.query('SELECT pg_notify($1, $2)', ['bell', 'one']);
    await rung;
    await stop();
    await db.query('SELECT pg_notify($1, $2)', ['bell', 'two']);
    expect(heard).toEqual(['one']);
  });

  it('is migrated once by however many processes, never by an older release, and is away once it is closed', async () => {
    const fresh = await open();
    const all = await Promise.all([1, 2, 3].map(() => migrate(fresh)));
    expect(all.map(({ from }) => from).sort()).toEqual([0, LEDGER_VERSION, LEDGER_VERSION]);
    await fresh.query('INSERT INTO migrations VALUES ($1, $2, 0)', [99, 'from the future']);
    await expect(migrate(fresh)).rejects.toMatchObject({ code: 'ledger_newer', message: expect.stringContaining('99') });
    await fresh.close();
    await fresh.close();
    await expect(fresh.query('SELECT 1')).rejects.toMatchObject({ code: 'ledger_away' });
    await expect(fresh.transaction(async (tx) => tx.query('SELECT 1'))).rejects.toMatchObject({ code: 'ledger_away' });
  });
});
