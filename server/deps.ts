import type { DecideAsk, Decider, Decision, Directory } from '../approvals/index.ts';
import type { ActionName, Json, Principal, RunId, RunLimits } from '../core/index.ts';
import type { Database } from '../ledger/index.ts';

/** What the server is given: the ledger, who the people are, and the verbs that reach beyond the ledger. */
export interface ServerDeps {
  readonly db: Database;
  readonly version: string;
  /** Read at each request, so that a reload takes effect. */
  readonly directory: () => Directory;
  /** Host names under which clients reach the server, beside the loopback ones. */
  readonly hosts: readonly string[];
  /**
   * Who counts as having asked for a run that a person starts: the person, or, on one's own machine,
   * the agent alone, so that the same person may decide its holds.
   */
  readonly starter: 'person' | 'agent';
  /** Instants by the ledger's clock are the ledger's; this one serves `GET` answers such as time used so far. */
  readonly now: () => number;
  readonly newId: (kind: 'run' | 'token') => string;
  /** 256 random bits as text. */
  readonly newSecret: () => string;
  readonly startRun: (start: RunStart) => Promise<RunId>;
  readonly killRuns: (kill: RunKill) => Promise<readonly RunId[]>;
  /** `decide` of approvals, given its ledger and directory. */
  readonly decide: (who: Decider, ask: DecideAsk) => Promise<Decision>;
  readonly policies: PolicyDesk;
  /** Resolves where Temporal answers; rejects with the reason otherwise. */
  readonly checkTemporal: () => Promise<void>;
  /** Hears of every error that no `Refusal` explains. */
  readonly onError: (error: unknown) => void;
}

export interface RunStart {
  /** Drawn by the caller: the same id again starts nothing new. */
  readonly id: RunId;
  readonly agent: string;
  readonly workflow: string;
  readonly input: Json;
  readonly requesters: readonly Principal[];
  readonly limits: Partial<RunLimits>;
  readonly labels: Readonly<Record<string, string>>;
}

export interface RunKill {
  readonly runs: readonly RunId[];
  readonly by: Principal;
  readonly reason: string;
}

/** The policies in force; the shapes are those of `policy/`, which the server may not import. */
export interface PolicyDesk {
  readonly list: () => PolicyListing;
  /** Null while no set is in force. */
  readonly explain: (call: PolicyQuestion) => Json | null;
}

export interface PolicyListing {
  readonly hash: string;
  readonly policies: readonly {
    readonly id: string;
    readonly file: string;
    readonly line: number;
    readonly effect: 'permit' | 'forbid';
    readonly annotations: Readonly<Record<string, string>>;
    readonly actions: readonly ActionName[] | null;
  }[];
}

export interface PolicyQuestion {
  readonly agent: string;
  readonly action: ActionName;
  readonly input: Json;
  readonly facts: Json | null;
  readonly run: { readonly workflow: string; readonly requesters: readonly Principal[]; readonly labels: Readonly<Record<string, string>> };
}
