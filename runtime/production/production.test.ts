import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HoldView, RunView } from '../../core/index.ts';
import { decideHold, migrate, openPostgres } from '../../ledger/index.ts';
import { issueToken } from '../commands/issue-token.ts';
import { loadConfig } from '../config/load-config.ts';
import { runServer } from './run-server.ts';
import type { ProductionOptions } from './run-server.ts';
import { runWorker } from './run-worker.ts';

const unique = `hp_${randomBytes(4).toString('hex')}`;
const taskQueue = unique;
const folder = mkdtempSync(join(tmpdir(), 'holdpoint-production-'));
const effects = join(folder, 'effects.txt');
const superuser = process.env['HOLDPOINT_TEST_POSTGRES'] ?? '';
const TEMPORAL_ADDRESS = process.env['HOLDPOINT_TEST_TEMPORAL'] ?? '';
const login = (user: string): string =>
  Object.assign(new URL(superuser), { username: user, password: 'a-password', pathname: `/${unique}` }).href;
const [owner, gate] = [login(`${unique}_owner`), login(`${unique}_gate`)];

async function asSuperuser(...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: superuser });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** As deploy/create-databases.sh does it. */
const ROLES = ['worker', 'server'].map(
  (role) => `DO $$ BEGIN CREATE ROLE holdpoint_${role} NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`,
);

interface Process {
  readonly lines: string[];
  readonly ended: Promise<void>;
  said(pattern: RegExp): Promise<void>;
  stop(): Promise<void>;
}

function launch(run: (options: ProductionOptions) => Promise<void>, env: Record<string, string>): Process {
  const controller = new AbortController();
  const lines: string[] = [];
  const waiting: { pattern: RegExp; resolve: () => void }[] = [];
  const print = (line: string): void => {
    lines.push(line);
    for (const { pattern, resolve } of waiting) if (pattern.test(line)) resolve();
  };
  const ended = run({ env: { TEMPORAL_ADDRESS, ...env }, cwd: folder, print, signal: controller.signal });
  ended.catch(() => undefined);
  return {
    lines,
    ended,
    said: (pattern) =>
      Promise.race([
        ended.then(() => Promise.reject(new Error(`it ended: ${lines.join('\n')}`))),
        new Promise<void>((resolve) => waiting.push({ pattern, resolve })),
      ]),
    async stop() {
      controller.abort();
      await ended.catch(() => undefined);
    },
  };
}

async function freePort(): Promise<string> {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return String(port);
}

describe('server and worker, each with a login of its own', () => {
  let server: Process;
  let worker: Process;
  let port: string;
  const tokens: Record<string, string> = {};

  beforeAll(async () => {
    mkdirSync(join(folder, 'policies'));
    writeFileSync(
      join(folder, 'policies/all.cedar'),
      '@id("all")\npermit (principal, action, resource);\n@id("asks")\n@hold("It writes")\n@approvers("approvers")\nforbid (principal, action == Action::"tool.put", resource);\n',
    );
    const modules = {
      actions: join(import.meta.dirname, 'project.fixture.ts'),
      workflows: join(import.meta.dirname, '../../test/e2e/workflows.ts'),
    };
    writeFileSync(
      join(folder, 'holdpoint.config.yaml'),
      JSON.stringify({
        people: { ada: {}, ben: {} },
        groups: { operators: ['ben'], approvers: ['ada', 'ben'] },
        worker: { ...modules, taskQueue },
      }),
    );
    await asSuperuser(
      ...ROLES,
      `CREATE ROLE ${unique}_owner LOGIN PASSWORD 'a-password'`,
      `GRANT holdpoint_worker, holdpoint_server TO ${unique}_owner`,
      `CREATE ROLE ${unique}_gate LOGIN PASSWORD 'a-password' NOINHERIT`,
      `GRANT holdpoint_worker TO ${unique}_gate`,
      `CREATE DATABASE ${unique} OWNER ${unique}_owner`,
    );
    port = await freePort();
    server = launch(runServer, { DATABASE_URL: owner, HOLDPOINT_PORT: port });
    await server.said(/serves/);
    worker = launch(runWorker, { DATABASE_URL: gate });
    await worker.said(/listens on task queue/);
    const config = loadConfig({ env: { DATABASE_URL: owner }, cwd: folder });
    for (const person of ['ada', 'ben']) tokens[person] = (await issueToken(config, { person })).token;
  });
  afterAll(async () => {
    await worker.stop();
    await server.stop();
    await asSuperuser(`DROP DATABASE ${unique} WITH (FORCE)`, `DROP ROLE ${unique}_gate`, `DROP ROLE ${unique}_owner`);
    rmSync(folder, { recursive: true });
  });

  async function api<T>(person: string, path: string, body?: unknown): Promise<{ status: number; body: T }> {
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const response = await fetch(`http://127.0.0.1:${port}/api/v1${path}`, {
      ...init,
      headers: { authorization: `Bearer ${tokens[person] ?? ''}`, 'content-type': 'application/json' },
    });
    return { status: response.status, body: (await response.json()) as T };
  }
  async function runWhen(id: string, is: (run: RunView) => boolean): Promise<RunView> {
    return await expect
      .poll(
        async () => {
          const { body } = await api<RunView>('ben', `/runs/${id}`);
          return is(body) ? body : null;
        },
        { timeout: 20_000 },
      )
      .not.toBeNull()
      .then(async () => (await api<RunView>('ben', `/runs/${id}`)).body);
  }

  it('carry a run from its start by a person, who cannot decide it, over another’s approval to its effect', async () => {
    const input = { calls: [{ action: 'tool.put', input: { file: effects, text: 'approved' } }] };
    const started = await api<RunView>('ada', '/runs', { workflow: 'sequence', agent: 'writer', input });
    expect(started).toMatchObject({ status: 201, body: { requesters: ['agent:writer', 'person:ada'] } });
    const { id } = started.body;
    const held = await runWhen(id, (run) => run.holds.some((hold) => hold.state === 'open'));
    const hold = held.holds[0] as HoldView;
    expect(existsSync(effects)).toBe(false);
    const decision = { choice: 'approve', version: hold.version };
    expect(await api('ada', `/holds/${hold.id}/decide`, decision)).toMatchObject({ status: 403 });
    expect(existsSync(effects)).toBe(false);
    expect(await api('ben', `/holds/${hold.id}/decide`, decision)).toMatchObject({ status: 200 });
    expect(await runWhen(id, (run) => run.closedAt !== null)).toMatchObject({
      state: 'succeeded',
      calls: [{ action: 'tool.put', state: 'succeeded' }],
    });
    expect(readFileSync(effects, 'utf8')).toBe('approved\n');
  });

  it('use the ledger each as what it is: the gate’s login decides nothing, and without its role sees nothing', async () => {
    const db = await openPostgres({ url: owner });
    const sessions = await db.query<{ as: string }>(
      `SELECT DISTINCT usename || ' is ' || application_name AS as FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'holdpoint %'`,
    );
    expect(sessions.map((session) => session.as)).toEqual(
      expect.arrayContaining([`${unique}_gate is holdpoint worker`, `${unique}_owner is holdpoint server`]),
    );
    await db.close();
    const naked = await openPostgres({ url: gate });
    await expect(naked.query('SELECT 1 FROM runs')).rejects.toThrow(/permission denied/);
    await expect(migrate(naked)).rejects.toThrow(/permission denied/);
    await naked.close();
    await expect(openPostgres({ url: gate, role: 'server' })).rejects.toThrow(/permission denied/);
    const asWorker = await openPostgres({ url: gate, role: 'worker' });
    const [hold] = await asWorker.query<{ id: string }>('SELECT id FROM holds');
    const grant = { kind: 'decided', verdict: 'granted' };
    await expect(decideHold(asWorker, hold?.id ?? '', () => grant as never)).rejects.toThrow();
    await expect(asWorker.query(`INSERT INTO votes VALUES ('${hold?.id ?? ''}', 1, 'person:ben', 'approve', 0)`)).rejects.toThrow(
      /permission denied/,
    );
    await asWorker.close();
  });

  it('refuse to start on what is not there, by its name, and leave nothing behind', async () => {
    const elsewhere = await freePort();
    const lost = Object.assign(new URL(owner), { port: await freePort() }).href;
    const env = { DATABASE_URL: owner, HOLDPOINT_PORT: elsewhere };
    await expect(launch(runServer, { ...env, HOLDPOINT_PORT: port }).ended).rejects.toMatchObject({ code: 'port_taken' });
    await expect(launch(runServer, { ...env, DATABASE_URL: lost }).ended).rejects.toMatchObject({
      code: 'ledger_away',
      kind: 'unreachable',
    });
    await expect(launch(runServer, { ...env, TEMPORAL_ADDRESS: `127.0.0.1:${await freePort()}` }).ended).rejects.toMatchObject({
      code: 'temporal_unavailable',
    });
    const again = launch(runServer, env);
    await again.said(/serves/);
    await again.stop();
    await expect(fetch(`http://127.0.0.1:${elsewhere}/api/v1/health`)).rejects.toThrow();
  });
});
