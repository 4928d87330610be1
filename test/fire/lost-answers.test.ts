import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { httpActions } from '../../activities/http/index.ts';
import type { RunId } from '../../core/index.ts';
import { listAudit, migrate, openPostgres, verifyAudit } from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';
import { charge } from '../e2e/calls.ts';
import { HOLD_CHARGE, PERMIT_ALL, supervised } from '../e2e/supervised.ts';
import type { Supervised } from '../e2e/supervised.ts';
import { startPostgresProxy } from '../postgres-proxy.ts';
import type { PostgresProxy } from '../postgres-proxy.ts';
import { freshDatabase, startPostgres } from '../real-postgres.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const POLICIES = `${PERMIT_ALL}${HOLD_CHARGE.replace('resource);', 'resource) when { context.input.text like "held*" };')}`;

/** Between the worker and Postgres, and between those who decide and Postgres. */
const lines: PostgresProxy[] = [];
const opened: { close(): Promise<void> }[] = [];
let db: Database;
let world: Supervised;
/** Takes what is posted, acts on it, and never answers. */
let silent: Server;
const posted: { readonly body: string; readonly key: string | undefined }[] = [];

beforeAll(async () => {
  silent = createServer((request) => void take(request));
  await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening));
  const server = await startPostgres();
  const url = await freshDatabase(server.url);
  const owner = await openPostgres({ url });
  await migrate(owner);
  lines.push(await startPostgresProxy(url), await startPostgresProxy(url));
  const workerLedger = await openPostgres({ url: lines[0]?.url ?? '', role: 'worker' });
  db = await openPostgres({ url: lines[1]?.url ?? '', role: 'server' });
  opened.push(workerLedger, db, owner, ...lines);
  const http = httpActions({ allow: ['127.0.0.1'], totalTimeout: 700 });
  world = await supervised({ db, workerLedger, policies: POLICIES, actions: { http } });
});
afterAll(async () => {
  await world?.stop();
  for (const one of opened) await one.close();
  silent.closeAllConnections();
  await new Promise((closed) => silent.close(closed));
});

async function take(request: IncomingMessage): Promise<void> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  posted.push({ body, key: request.headers['idempotency-key'] as string | undefined });
}

const told = async (run: RunId): Promise<unknown> => (await world.result<{ told: unknown[] }>(run)).told;
const phases = (run: RunId): readonly string[] => world.effects(run).map(({ phase }) => phase);
const kinds = async (run: RunId): Promise<string[]> =>
  (await listAudit(db, run, { after: 0, limit: 100 })).map(({ text }) => (JSON.parse(text) as { kind: string }).kind);

describe('an answer of the ledger that is lost', () => {
  it.each([
    ['claim', 'call.claimed'],
    ['settle', 'call.succeeded'],
  ])('to the COMMIT of a %s changes nothing: one attempt, one step, one effect, one entry', async (verb, entry) => {
    // The text of the audit entry travels with what commits it.
    lines[0]?.cutAfterSending(entry);
    const run = await world.start('once', { calls: [charge(`a lost ${verb}`)] });
    expect(await told(run)).toEqual([{ kind: 'returned', value: { text: `a lost ${verb}` } }]);
    expect(lines[0]?.isCutting()).toBe(false);
    expect(phases(run)).toEqual(['begun', 'done']);
    expect((await world.run(run)).used).toMatchObject({ steps: 1 });
    expect((await kinds(run)).filter((kind) => kind.startsWith('call.'))).toEqual(['call.claimed', 'call.succeeded']);
    expect((await verifyAudit(db, run)).brokenAt).toBeNull();
  });

  it.each(['approve', 'deny'] as const)('to the COMMIT of a decision leaves it standing: %s counts once, and wakes', async (choice) => {
    const run = await world.start('once', { calls: [charge(`held, then ${choice}`)] });
    const [hold] = await world.held(run);
    const entry = choice === 'approve' ? 'hold.granted' : 'hold.denied';
    lines[1]?.cutAfterSending(entry);
    await expect(world.decide(hold?.id ?? '', { choice, note: 'so' })).rejects.toMatchObject({ code: 'ledger_away' });
    expect(lines[1]?.isCutting()).toBe(false);
    const other = choice === 'approve' ? 'deny' : 'approve';
    await expect(world.decide(hold?.id ?? '', { choice: other, note: 'no', person: 'person:ben' })).rejects.toMatchObject({
      code: 'hold_closed',
    });
    expect(await told(run)).toMatchObject([choice === 'approve' ? { kind: 'returned' } : { kind: 'denied', code: 'approval_denied' }]);
    expect(phases(run)).toEqual(choice === 'approve' ? ['begun', 'done'] : []);
    expect((await world.holds(run)).map(({ votes }) => votes.map((vote) => [vote.person, vote.choice]))).toEqual([
      [['person:ada', choice]],
    ]);
    expect((await kinds(run)).filter((kind) => kind === entry)).toHaveLength(1);
  });
});

describe('a POST that succeeds, and whose answer times out', () => {
  const url = () => `http://127.0.0.1:${(silent.address() as AddressInfo).port}/pay`;

  it('is never repeated blindly: a person is asked, and it goes again only if they say so, under the same key', async () => {
    const run = await world.start('once', { calls: [{ action: 'http.post', input: { url: url(), body: 'pay 1' } }] });
    const [hold] = await world.held(run);
    expect(hold).toMatchObject({ kind: 'unknown-outcome', key: '/1', reason: expect.stringContaining('no answer in the time allowed') });
    // However often the workflow asks again, it meets the question.
    await world.client.workflow.getHandle(run).signal('holdpoint.wake', { key: null });
    await world.until('another answer of the gate', async () => (await kinds(run)).length > 0 && (await refusals(run)) >= 2);
    expect(posted.map(({ body }) => body)).toEqual(['pay 1']);

    await world.decide(hold?.id ?? '', { person: 'person:ops', choice: 'run-again' });
    const again = await world.until('the question about the second', async () =>
      (await world.holds(run)).find((one) => one.state.kind === 'open' && one.id !== hold?.id),
    );
    expect(posted).toEqual([
      { body: 'pay 1', key: `${run}/1` },
      { body: 'pay 1', key: `${run}/1` },
    ]);
    const result = { status: 200, url: url(), headers: {}, body: 'paid', encoding: 'utf8', truncated: false };
    await world.decide(again.id, { person: 'person:ops', choice: 'succeeded', result });
    expect(await told(run)).toEqual([{ kind: 'returned', value: result }]);
    expect(posted).toHaveLength(2);
  });

  const refusals = async (run: RunId): Promise<number> =>
    ((await world.client.workflow.getHandle(run).fetchHistory()).events ?? []).filter(
      (event) => event.activityTaskFailedEventAttributes?.failure?.applicationFailureInfo?.type === 'HoldpointHold',
    ).length;
});
