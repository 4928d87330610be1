import { setTimeout as delay } from 'node:timers/promises';
import type { Policies } from '../../activities/index.ts';
import type { ActionManifest, Mode } from '../../core/index.ts';
import { LedgerError, publishPolicySet } from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';
import { loadPolicies, readObservedFolder, readPolicyFolder } from '../../policy/index.ts';
import type { Groups, PolicySource } from '../../policy/index.ts';

export interface PolicyParts {
  readonly db: Database;
  readonly folder: string;
  readonly manifests: readonly ActionManifest[];
  readonly groups: Groups;
  readonly mode: Mode;
  readonly warn: (message: string) => void;
}

const NOTHING_DECLARED: Policies = {
  hash: 'none',
  rule: ({ action }) => ({
    kind: 'deny',
    denial: { code: 'action_undeclared', message: `The action "${action}" is not declared.`, policies: [], by: null, askAgain: false },
    policySet: 'none',
  }),
};

/** The policies by which a worker judges now. */
export interface PoliciesInForce {
  /** The same set for as long as the caller keeps it. */
  current(): Policies;
  /** Reads the folder every `every` milliseconds until the signal; see `refresh`. */
  watch(every: number, signal: AbortSignal): Promise<void>;
  /** Takes over what has changed, when it validates and the change is in the audit; otherwise warns once, and the old set stays. */
  refresh(): Promise<void>;
}

/** Loads the policies, published and audited before they rule. Throws `Refusal` where they do not validate. */
export async function putPoliciesInForce({ db, folder, manifests, groups, mode, warn }: PolicyParts): Promise<PoliciesInForce> {
  const read = mode === 'observe' ? readObservedFolder : readPolicyFolder;
  let seen = '';
  let set = await take();

  async function take(): Promise<Policies> {
    const sources = await read(folder);
    seen = sourceText(sources);
    // Where nothing is declared yet, no policy could speak of anything: every call is noted as undeclared.
    if (manifests.length === 0 && mode === 'observe') return NOTHING_DECLARED;
    const loaded = loadPolicies({ sources, manifests, groups });
    await publishPolicySet(db, { hash: loaded.hash, text: seen });
    return loaded;
  }

  async function refresh(): Promise<void> {
    const before = seen;
    try {
      if (sourceText(await read(folder)) === before) return;
      set = await take();
    } catch (error) {
      // What was read stays seen, so that one mistake is told once. Without an audit nothing changes: it is tried again.
      if (error instanceof LedgerError) seen = before;
      warn(
        `The changed policies in ${folder} are not in force; those from before still rule. ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  return {
    current: () => set,
    refresh,
    async watch(every, signal) {
      while (!signal.aborted) {
        await delay(every, undefined, { signal, ref: false }).catch(() => undefined);
        if (!signal.aborted) await refresh();
      }
    },
  };
}

function sourceText(sources: readonly PolicySource[]): string {
  return sources.map(({ file, text }) => `// ${file}\n${text}`).join('\n');
}
