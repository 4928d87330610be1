import type { CallHeader, ExecutionRef, Json, Mode, PolicyRuling, Principal, RunId } from '../../core/index.ts';
import type { Database } from '../../ledger/index.ts';
import type { ActionRegistry } from '../registry.ts';
import type { SecretSource } from '../secrets.ts';
import type { AdoptionTerms } from './adoption.ts';
import type { GapCounter } from './gap-counter.ts';
import type { ResultStore } from './results.ts';

/** What never changes about a run, as policies see it. */
export interface RunIdentity {
  readonly id: RunId;
  readonly agent: string;
  readonly workflow: string;
  readonly requesters: readonly Principal[];
  readonly labels: Readonly<Record<string, string>>;
  readonly mode: Mode;
}

/** One governed call: who asks, from where, under which key. */
export interface CallIdentity {
  readonly header: CallHeader;
  readonly execution: ExecutionRef;
  readonly run: RunIdentity;
}

/** The policies in force; the set behind this port may change between calls, never within one. */
export interface Policies {
  rule(call: {
    readonly agent: string;
    readonly action: string;
    readonly input: Json;
    readonly facts: Json | null;
    readonly run: { readonly workflow: string; readonly requesters: readonly string[]; readonly labels: Readonly<Record<string, string>> };
  }): PolicyRuling;
  readonly hash: string;
}

/** An execution as Temporal describes it. `null` parent = it was not started by a workflow. */
export interface DescribedExecution {
  readonly firstRunId: string;
  readonly parent: ExecutionRef | null;
  /** The workflow's type. */
  readonly workflow: string;
  readonly taskQueue: string;
}

/** What the gate is built from. */
export interface GateParts {
  readonly db: Database;
  readonly actions: ActionRegistry;
  readonly policies: () => Policies;
  readonly secrets: SecretSource;
  readonly results: ResultStore;
  /** Activity types that pass without the gate, as the configuration names them. */
  readonly ungoverned: ReadonlySet<string>;
  /** Asks Temporal about one execution; null = it does not exist. */
  readonly describe: (execution: ExecutionRef) => Promise<DescribedExecution | null>;
  /** The installation's own mode: of calls whose run cannot be told. */
  readonly mode: Mode;
  readonly adoption: (agent: string) => AdoptionTerms;
  readonly gaps: GapCounter;
}
