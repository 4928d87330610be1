import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Express } from 'express';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createDirectory, decide } from '../approvals/index.ts';
import { Refusal, canonical, completeLimits } from '../core/index.ts';
import type { ActionManifest, Digest, HoldId, RunId, StepKey } from '../core/index.ts';
import { claim, createRun, createToken, fenceRuns, migrate, openPglite, publishManifests } from '../ledger/index.ts';
import type { Database } from '../ledger/index.ts';
import { createApp, hashToken } from './index.ts';
import type { ServerDeps } from './index.ts';

const MANIFEST: ActionManifest = {
  action: 'git.push',
  summary: 'Push a tag',
  annotations: { readOnly: false, destructive: false, idempotent: true, openWorld: true },
  input: { type: 'object', properties: { tag: { type: 'string' } }, required: ['tag'], additionalProperties: false },
  output: { type: 'object', properties: { ref: { type: 'string' } } },
  facts: null,
  secrets: [],
  editable: ['tag'],
  timeout: 60_000,
};

/** Making a ledger in memory takes seconds, and on a busy machine minutes. */
export const LEDGER_MILLIS = 180_000;

export const TOKENS = { ada: 'ada-secret', ben: 'ben-secret', bot: 'bot-secret', gone: 'gone-secret' } as const;

export interface TestServer {
  readonly db: Database;
  readonly url: string;
  readonly errors: unknown[];
  readonly started: RunId[];
  /** Another server on the same ledger: making a ledger takes seconds. */
  also(overrides: Partial<ServerDeps>): Promise<Pick<TestServer, 'url' | 'close'>>;
  /** A run by `release-bot`, asked for by nobody but its agent unless said. */
  run(rest?: { readonly agent?: string; readonly requesters?: readonly string[] }): Promise<RunId>;
  /** A call of it that waits for a release manager. */
  held(run: RunId, tag?: string): Promise<HoldId>;
  /** The same run with its breaker tripped. */
  tripped(run: RunId): Promise<HoldId>;
  close(): Promise<void>;
}

/** The API on a real ledger and a real socket; only Temporal is not there. */
export async function startTestServer(): Promise<TestServer> {
  const db = await openPglite({ memory: true });
  await migrate(db);
  await publishManifests(db, [MANIFEST]);
  const directory = createDirectory({
    people: { ada: { name: 'Ada' }, ben: {} },
    groups: { operators: ['ada'], 'release-managers': ['ada', 'ben'] },
  });
  await Promise.all([
    createToken(db, { id: 'token-ada', hash: hashToken(TOKENS.ada), principal: 'person:ada', kind: 'person', name: 'a' }),
    createToken(db, { id: 'token-ben', hash: hashToken(TOKENS.ben), principal: 'person:ben', kind: 'person', name: 'b' }),
    createToken(db, { id: 'token-bot', hash: hashToken(TOKENS.bot), principal: 'agent:release-bot', kind: 'machine', name: 'c' }),
    createToken(db, { id: 'token-gone', hash: hashToken(TOKENS.gone), principal: 'person:gone', kind: 'person', name: 'd' }),
  ]);
  const errors: unknown[] = [];
  const started: RunId[] = [];
  let drawn = 0;
  const newRun = async (id: RunId, rest: Partial<Parameters<typeof createRun>[1]> = {}): Promise<RunId> => {
    await createRun(db, {
      id,
      agent: 'release-bot',
      workflow: 'release',
      requesters: ['agent:release-bot'],
      labels: {},
      limits: completeLimits({}),
      workflowId: id,
      taskQueue: 'q',
      input: canonical({}),
      ...rest,
    });
    return id;
  };
  const deps: ServerDeps = {
    db,
    version: '1.2.3',
    directory: () => directory,
    hosts: ['holdpoint.internal'],
    starter: 'agent',
    now: Date.now,
    newId: (kind) => `${kind}-${(drawn += 1)}`,
    newSecret: () => `secret-${(drawn += 1)}`,
    startRun: async (start) => {
      started.push(start.id);
      const { id, agent, workflow, requesters, labels, input } = start;
      return newRun(id, { agent, workflow, requesters, labels, limits: completeLimits(start.limits), input: canonical(input) });
    },
    killRuns: ({ runs, by, reason }) => fenceRuns(db, { runs }, { by, reason }),
    decide: (who, ask) =>
      decide({ db, directory, storeResult: async (result) => ({ kind: 'inline', payload: JSON.stringify(result) }) }, who, ask),
    policies: { list: () => ({ hash: 'abc', policies: [] }), explain: (call) => ({ asked: call.action, agent: call.agent }) },
    checkTemporal: async () => undefined,
    onError: (error) => errors.push(error),
  };
  const listening = await listen(createApp(deps));
  return {
    db,
    errors,
    started,
    url: listening.url,
    also: (overrides) => listen(createApp({ ...deps, ...overrides })),
    run: (rest = {}) => newRun(`run-${(drawn += 1)}`, rest),
    held: (run, tag = 'v1') => hold(db, run, { key: `/${(drawn += 1)}`, tag, limit: false, id: `hold-${drawn}` }),
    tripped: (run) => hold(db, run, { key: `/${(drawn += 1)}`, tag: 'v1', limit: true, id: `hold-${drawn}` }),
    close: async () => {
      await listening.close();
      await db.close();
    },
  };
}

async function listen(app: Express): Promise<Pick<TestServer, 'url' | 'close'>> {
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface HoldAsk {
  readonly key: string;
  readonly tag: string;
  readonly limit: boolean;
  readonly id: HoldId;
}

/** Asks the ledger as the gate does, with the verdict that opens the hold. */
async function hold(db: Database, run: RunId, { key, tag, limit, id }: HoldAsk): Promise<HoldId> {
  const digest = 'a'.repeat(64) as Digest;
  const requires = limit
    ? []
    : [
        {
          policy: 'release-tag',
          reason: 'A tag goes out',
          approvers: 'release-managers',
          quorum: 1,
          deadline: 60_000,
          valid: 60_000,
          severity: 'medium',
          edits: ['tag'],
        } as const,
      ];
  const step = key as StepKey;
  const verdict = await claim(
    db,
    run,
    {
      key: step,
      action: 'git.push',
      execution: { workflowId: run, runId: 'x' },
      token: `t${key}`,
      argsDigest: digest,
      digest,
      input: canonical({ tag }),
      facts: null,
      idempotent: true,
      worst: completeLimits({}).spend,
      ruling: { kind: 'requires', requires, policies: ['release-tag'], policySet: 'abc' },
      shown: { title: `${tag} → origin`, fields: [{ name: 'tag', value: tag }], evidence: [{ title: 'Commits', text: 'one\ntwo' }] },
      edit: null,
      freshHold: id,
      lease: 8_000,
    },
    ({ now, request, run: { meters } }) => ({
      verdict: {
        kind: 'hold',
        askAgainAfter: 1_000,
        hold: {
          id,
          run,
          key: limit ? null : step,
          kind: limit ? 'breaker' : 'approval',
          state: { kind: 'open' },
          version: 1,
          digest: limit ? null : digest,
          reason: limit ? 'It has used its 100 steps' : 'A tag goes out',
          requires,
          policySet: 'abc',
          shown: request.shown,
          openedAt: now,
          decideBy: limit ? null : now + 60_000,
          edit: null,
          result: null,
        },
      },
      meters,
      call: {
        key: step,
        action: 'git.push',
        argsDigest: digest,
        digest,
        idempotent: true,
        attempts: 0,
        claimedAt: null,
        grant: null,
        spend: 0 as never,
        state: { kind: 'asked' },
        waitingFor: id,
      },
      observed: null,
      closes: [],
      audit: [{ kind: 'call.held', body: { hold: id } }],
    }),
  );
  if (verdict?.kind !== 'hold') throw new Error('The hold did not open.');
  return id;
}

export interface Answered {
  readonly status: number;
  readonly type: string;
  readonly headers: Headers;
  readonly body: any;
}

/** Asks a test server; with a body it posts, unless the method says otherwise. */
export async function ask(
  server: Pick<TestServer, 'url'>,
  path: string,
  {
    token,
    body,
    text,
    method,
    headers,
  }: {
    readonly token?: string;
    readonly body?: unknown;
    readonly text?: string;
    readonly method?: string;
    readonly headers?: Record<string, string>;
  } = {},
): Promise<Answered> {
  const sent = text ?? (body === undefined ? undefined : JSON.stringify(body));
  const response = await fetch(`${server.url}/api/v1${path}`, {
    method: method ?? (sent === undefined ? 'GET' : 'POST'),
    headers: {
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      ...(sent === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(sent === undefined ? {} : { body: sent }),
  });
  return {
    status: response.status,
    type: response.headers.get('content-type') ?? '',
    headers: response.headers,
    body: await response.json(),
  };
}

/** Checks an answer against what the server's own document says of that operation. */
export function documented(document: any): (operation: string, answer: Answered) => void {
  const ajv = new Ajv2020({ strict: false, allErrors: true, logger: false });
  ajv.addSchema({ $id: 'doc', ...document });
  return (operation, answer) => {
    for (const [path, item] of Object.entries<any>(document.paths)) {
      for (const [method, one] of Object.entries<any>(item)) {
        if (one.operationId !== operation) continue;
        const status = String(answer.status);
        const which = one.responses[status] === undefined ? 'default' : status;
        const type = which === 'default' ? 'application~1problem+json' : 'application~1json';
        const pointer = `doc#/paths/${path.replaceAll('/', '~1')}/${method}/responses/${which}/content/${type}/schema`
          .replaceAll('{', '%7B')
          .replaceAll('}', '%7D');
        const validate = ajv.getSchema(pointer);
        if (validate === undefined) throw new Error(`No schema at ${pointer}`);
        if (validate(answer.body) !== true) throw new Error(`${operation} ${status}: ${ajv.errorsText(validate.errors)}`);
        return;
      }
    }
    throw new Refusal('not_found', 'operation_unknown', operation);
  };
}
