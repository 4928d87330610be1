import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clockShiftedBy } from '../test/ledgers.ts';
import { startPostgresProxy } from '../test/postgres-proxy.ts';
import type { PostgresProxy } from '../test/postgres-proxy.ts';
import { freshDatabase, startPostgres } from '../test/real-postgres.ts';
import { ask, askHeld, heldRequest, says, sampleRequest, sampleRun, succeeded, tell } from '../test/sample-run.ts';
import { decideHold, findRun, fenceRuns, listHolds, migrate, openPostgres } from './index.ts';
import type { Database } from './index.ts';

describe('the ledger on Postgres', () => {
  let server: Awaited<ReturnType<typeof startPostgres>>;
  let url: string;
  let owner: Database;
  let proxy: PostgresProxy;
  let proxied: Database;
  beforeAll(async () => {
    server = await startPostgres();
    url = await freshDatabase(server.url);
    owner = await openPostgres({ url });
    await migrate(owner);
    proxy = await startPostgresProxy(url);
    proxied = await openPostgres({ url: proxy.url, poolSize: 1 });
  });
  afterAll(async () => {
    await proxied.close();
    await proxy.close();
    await owner.close();
    await server.stop();
  });

  describe('round trips', () => {
    it('claims in two and settles in one', async () => {
      const run = await sampleRun(proxied);
      for (const key of ['/1', '/2']) {
        const request = sampleRequest(key);
        proxy.trips();
        await ask(proxied, run, request);
        expect(proxy.trips()).toBe(2);
        await tell(proxied, run, request, succeeded());
        expect(proxy.trips()).toBe(1);
      }
    });

    it('opens a hold, and decides it, in two', async () => {
      const run = await sampleRun(proxied);
      proxy.trips();
      const hold = await askHeld(proxied, run, heldRequest('/1'));
      expect(proxy.trips()).toBe(2);
      await decideHold(proxied, hold, says());
      expect(proxy.trips()).toBe(2);
    });
  });

  describe('a connection that is lost', () => {
    it('is told as ledger_away when the answer to COMMIT is lost, and the claim can be repeated', async () => {
      const run = await sampleRun(proxied);
      const request = sampleRequest('/1');
      proxy.cutAfterSending('COMMIT');
      await expect(ask(proxied, run, request)).rejects.toMatchObject({ code: 'ledger_away' });
      expect(await ask(proxied, run, request)).toMatchObject({ kind: 'allow' });
      expect(await findRun(owner, run)).toMatchObject({ used: { steps: 1 }, claimed: 1 });
    });

    it('is replaced at the next use', async () => {
      proxy.cut();
      await proxied.query('SELECT 1').catch(() => undefined);
      expect(await proxied.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    });

    it('is listened on again, and whoever listens is told that something may have been missed', async () => {
      const heard: string[] = [];
      let ring: (() => void) | undefined;
      const next = () => new Promise<void>((resolve) => (ring = resolve));
      const stop = await proxied.listen('holdpoint', (payload) => {
        heard.push(payload);
        ring?.();
      });
      const back = next();
      proxy.cut();
      await back;
      const rung = next();
      await owner.query(`SELECT pg_notify('holdpoint', 'hello')`);
      await rung;
      expect(heard).toEqual(['', 'hello']);
      await stop();
    });

    it('is refused with ledger_away where nobody listens, without the password in the error', async () => {
      const closed = await startPostgresProxy(url);
      await closed.close();
      const error = await openPostgres({ url: closed.url }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ name: 'LedgerError', code: 'ledger_away' });
      expect(String(error)).not.toContain(new URL(url).password + '@');
    });
  });

  it('tells that somebody else has had the lock for more than two seconds', async () => {
    const run = await sampleRun(owner);
    let release: () => void = () => undefined;
    const locked = new Promise<void>((resolve) => (release = resolve));
    let taken: () => void = () => undefined;
    const ready = new Promise<void>((resolve) => (taken = resolve));
    const other = owner.transaction(async (tx) => {
      await tx.query('SELECT id FROM runs WHERE id = $1 FOR UPDATE', [run]);
      await tx.query(`SET LOCAL idle_in_transaction_session_timeout = '20s'`);
      taken();
      await locked;
    });
    await ready;
    await expect(ask(owner, run, sampleRequest('/1'))).rejects.toMatchObject({ code: 'ledger_busy' });
    release();
    await other;
    expect(await ask(owner, run, sampleRequest('/1'))).toMatchObject({ kind: 'allow' });
  });

  it('keeps claims out while an agent is locked for blocking, and no other agent', async () => {
    const [blocked, other] = [await sampleRun(owner, {}, 'blocked-bot'), await sampleRun(owner, {}, 'other-bot')];
    await owner.transaction(async (tx) => {
      await tx.query(`SELECT pg_advisory_xact_lock(7401, hashtext('blocked-bot'))`);
      expect(await ask(proxied, other, sampleRequest('/1'))).toMatchObject({ kind: 'allow' });
      await tx.query(`SET LOCAL idle_in_transaction_session_timeout = '20s'`);
      await expect(ask(proxied, blocked, sampleRequest('/1'))).rejects.toMatchObject({ code: 'ledger_busy' });
    });
    expect(await ask(proxied, blocked, sampleRequest('/1'))).toMatchObject({ kind: 'allow' });
  });

  it('rings with what gives the reconciler work, and not on the allowed path', async () => {
    const heard: string[] = [];
    let ring: (() => void) | undefined;
    const stop = await owner.listen('holdpoint', (payload) => {
      heard.push(payload);
      ring?.();
    });
    const run = await sampleRun(owner);
    const request = sampleRequest('/1');
    await ask(owner, run, request);
    await tell(owner, run, request, succeeded());
    const rung = new Promise<void>((resolve) => (ring = resolve));
    await askHeld(owner, run, heldRequest('/2'));
    await rung;
    expect(heard).toEqual([run]);
    await stop();
  });

  describe('roles', () => {
    let worker: Database;
    let keeper: Database;
    beforeAll(async () => {
      worker = await openPostgres({ url, role: 'worker' });
      keeper = await openPostgres({ url, role: 'server' });
    });
    afterAll(async () => {
      await worker.close();
      await keeper.close();
    });

    it('let a worker claim and settle, and a server start and decide', async () => {
      const run = await sampleRun(keeper);
      const hold = await askHeld(worker, run, heldRequest('/1'));
      await decideHold(keeper, hold, says());
      const request = heldRequest('/1');
      expect(await ask(worker, run, request)).toMatchObject({ kind: 'allow', grant: hold });
      await tell(worker, run, request, succeeded());
      expect(await fenceRuns(keeper, { runs: [run] }, { by: 'person:grace', reason: 'done' })).toEqual([run]);
    });

    it('keep a worker from deciding', async () => {
      const run = await sampleRun(keeper);
      const hold = await askHeld(worker, run, heldRequest('/1'));
      await expect(decideHold(worker, hold, says())).rejects.toMatchObject({ name: 'LedgerError' });
      const detail = JSON.stringify({ kind: 'granted', by: ['person:x'], at: 1, choice: 'approve', useBy: null, note: null });
      await expect(
        worker.query(`UPDATE holds SET state = 'granted', state_detail = $2 WHERE id = $1`, [hold, detail]),
      ).rejects.toMatchObject({
        code: 'invariant_broken',
      });
      for (const sql of [
        `INSERT INTO votes VALUES ('${hold}', 1, 'person:x', 'approve', 1)`,
        `UPDATE runs SET steps_limit = 1000000`,
        `UPDATE runs SET fenced_at = NULL, fence_by = NULL, fence_reason = NULL`,
        `UPDATE holds SET digest = 'x'`,
        clockShiftedBy(1),
        `DELETE FROM holds`,
        `SELECT hash FROM tokens`,
      ]) {
        await expect(worker.query(sql)).rejects.toMatchObject({
          code: 'ledger_failed',
          message: expect.stringContaining('permission denied'),
        });
      }
      expect((await listHolds(owner, { run, limit: 9 })).items).toMatchObject([{ state: { kind: 'open' }, votes: [] }]);
    });

    it('keep a server from claiming', async () => {
      const run = await sampleRun(keeper);
      await askHeld(worker, run, heldRequest('/1'));
      await expect(ask(keeper, run, sampleRequest('/2'))).rejects.toMatchObject({ name: 'LedgerError' });
      await expect(keeper.query(`UPDATE calls SET state = 'claimed'`)).rejects.toMatchObject({ code: 'invariant_broken' });
      for (const sql of [
        `UPDATE calls SET token = 't'`,
        `UPDATE runs SET steps_used = 0`,
        `UPDATE runs SET reserved = 0`,
        `INSERT INTO calls (run, key) VALUES ('r', '/9')`,
        clockShiftedBy(1),
      ]) {
        await expect(keeper.query(sql)).rejects.toMatchObject({
          code: 'ledger_failed',
          message: expect.stringContaining('permission denied'),
        });
      }
    });
  });
});
