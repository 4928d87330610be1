import { defaultPayloadConverter } from '@temporalio/common';
import { ApplicationFailure } from '@temporalio/common';
import { loadDataConverter } from '@temporalio/common/lib/internal-non-workflow/index.js';
import { z } from 'zod';
import { canonical, completeLimits, stepKey } from '../../core/index.ts';
import type { PolicyRuling, Requirement, RunId, RunLimits } from '../../core/index.ts';
import { createRun, findRunIdentity, listAudit, listCalls, listHolds, LedgerError, migrate, openPglite } from '../../ledger/index.ts';
import type { CallRecord, Database, HoldRecord, Queryable } from '../../ledger/index.ts';
import { drawId } from '../../test/sample-run.ts';
import { defineAction } from '../define-action.ts';
import type { Action, ActionContext, ActionDefinition, ActionTree } from '../define-action.ts';
import { registerActions } from '../registry.ts';
import { createGapCounter } from './gap-counter.ts';
import { governedActivity } from './effect.ts';
import { passGate } from './gate.ts';
import type { CallIdentity, GateParts } from './parts.ts';
import { createResultStore } from './results.ts';

/** The ledger as the gate reaches it, which a test can break: `fail` is asked before each statement, `after` once each has run. */
export interface BreakableLedger extends Database {
  fail: (sql: string) => LedgerError | null;
  /** Throws after a transaction has been committed: its reply is lost. */
  loseReply: () => LedgerError | null;
}

function breakable(db: Database): BreakableLedger {
  const ledger: BreakableLedger = {
    ...db,
    fail: () => null,
    loseReply: () => null,
    async query(sql, parameters) {
      throwIf(ledger.fail(sql));
      return await db.query(sql, parameters);
    },
    async transaction(body) {
      const result = await db.transaction((tx) => {
        const guarded: Queryable = {
          query: (sql, parameters) => {
            const failure = ledger.fail(sql);
            return failure === null ? tx.query(sql, parameters) : Promise.reject(failure);
          },
        };
        return body(guarded);
      });
      throwIf(ledger.loseReply());
      return result;
    },
  };
  return ledger;
}

function throwIf(failure: LedgerError | null): void {
  if (failure !== null) throw failure;
}

/** One failure of the given kind, and none after it. */
export function once(code: LedgerError['code'], when: RegExp = /./): (sql?: string) => LedgerError | null {
  let left = 1;
  return (sql = ' ') => (when.test(sql) && left-- > 0 ? new LedgerError(code, `a test: ${code}`) : null);
}

export const ALLOW: PolicyRuling = { kind: 'allow', policies: ['p'], policySet: 'set' };
const ASK: Requirement = {
  policy: 'asks',
  reason: 'A person is asked',
  approvers: 'operators',
  quorum: 1,
  deadline: 3_600_000,
  valid: 3_600_000,
  severity: 'medium',
  edits: [],
};
export const HOLD: PolicyRuling = { kind: 'requires', requires: [ASK], policies: ['asks'], policySet: 'set' };

export interface Asked {
  readonly input?: unknown;
  readonly args?: readonly unknown[];
  readonly action?: string;
  readonly ordinal?: number;
  readonly temporalAttempt?: number;
  readonly signal?: AbortSignal;
}

/** A gate on a ledger in memory, with one run at a time. */
export interface Bench {
  readonly db: BreakableLedger;
  readonly parts: GateParts;
  readonly logged: { readonly message: string; readonly fields: unknown }[];
  readonly heartbeats: () => number;
  ruling: PolicyRuling;
  /** Calls the gate as the interceptor does. */
  ask(asked?: Asked): Promise<unknown>;
  /** What it threw: Temporal's failure, as the waiting room reads it. */
  refused(
    asked?: Asked,
  ): Promise<{ readonly type: string; readonly body: Record<string, unknown>; readonly retryable: boolean; readonly message: string }>;
  call(): Promise<CallRecord>;
  holds(): Promise<readonly HoldRecord[]>;
  audit(): Promise<readonly string[]>;
  readonly who: CallIdentity;
}

export async function openLedger(): Promise<Database> {
  const db = await openPglite({ memory: true });
  await migrate(db);
  return db;
}

export async function bench(
  on: Database,
  actions: ActionTree,
  rest: { secrets?: Record<string, string>; limits?: Partial<RunLimits> } = {},
): Promise<Bench> {
  const db = breakable(on);
  const run: RunId = drawId('run');
  await createRun(on, {
    id: run,
    agent: 'tester',
    workflow: 'w',
    requesters: ['agent:tester'],
    labels: {},
    limits: completeLimits(rest.limits ?? {}),
    workflowId: run,
    taskQueue: 'q',
    input: canonical(null),
  });
  const identity = await findRunIdentity(on, run);
  if (identity === null) throw new Error('there is no run');
  const logged: { message: string; fields: unknown }[] = [];
  const note = (message: string, fields?: unknown): void => void logged.push({ message, fields });
  let beats = 0;
  const parts: GateParts = {
    db,
    actions: registerActions(actions),
    policies: () => ({ hash: 'set', rule: () => made.ruling }),
    secrets: (name) => rest.secrets?.[name],
    results: createResultStore(db, loadDataConverter()),
    ungoverned: new Set(),
    describe: () => Promise.resolve(null),
    mode: 'enforce',
    adoption: () => ({ mode: 'enforce', admission: 'hold', limits: completeLimits({}) }),
    gaps: createGapCounter(db),
  };
  const who: CallIdentity = {
    header: { v: 1, run, path: '', key: stepKey('', 1) },
    execution: { workflowId: run, runId: 'r' },
    run: { id: run, ...identity },
  };
  const made: Bench = {
    db,
    parts,
    logged,
    who,
    heartbeats: () => beats,
    ruling: ALLOW,
    ask({ input = {}, args = [input], action = 'act', ordinal = 1, temporalAttempt = 1, signal = new AbortController().signal } = {}) {
      const registered = parts.actions.get(action);
      return passGate(parts, {
        who: { ...who, header: { ...who.header, key: stepKey('', ordinal) } },
        action,
        args,
        temporalAttempt,
        surroundings: { cancellation: signal, heartbeat: () => (beats += 1), log: { info: note, warn: note } },
        run: registered === undefined ? () => Promise.reject(new Error('nothing is registered')) : governedActivity(registered),
      });
    },
    async refused(asked) {
      try {
        const value = await made.ask(asked);
        throw new Error(`it was let pass, with ${JSON.stringify(value)}`);
      } catch (error) {
        if (!(error instanceof ApplicationFailure)) throw error;
        return {
          type: error.type ?? '',
          body: (error.details?.[0] ?? {}) as Record<string, unknown>,
          retryable: error.nonRetryable !== true,
          message: error.message,
        };
      }
    },
    async call() {
      const [call] = await listCalls(on, run);
      if (call === undefined) throw new Error('there is no call');
      return call;
    },
    holds: async () => (await listHolds(on, { run, limit: 100 })).items,
    audit: async () => (await listAudit(on, run, { after: 0, limit: 1_000 })).map(({ text }) => text),
  };
  return made;
}

type Sample = Partial<Omit<ActionDefinition<z.ZodType, z.ZodType, z.ZodType>, 'run'>> & {
  readonly idempotent?: boolean;
  readonly run?: (input: any, context: ActionContext<any>) => Promise<unknown>;
};

/** An action that writes and says `done`, but for what a test states. */
export function sample({ idempotent = false, ...rest }: Sample = {}): Action<any, any, any> {
  return defineAction<z.ZodType, z.ZodType, z.ZodType>({
    summary: 'Do it',
    input: z.looseObject({}),
    output: z.any(),
    annotations: { readOnly: false, destructive: false, idempotent, openWorld: false },
    run: () => Promise.resolve('done'),
    ...rest,
  });
}

export const payload = (value: unknown) => defaultPayloadConverter.toPayload(value);
