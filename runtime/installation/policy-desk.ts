import { canonicalOf } from '../../core/index.ts';
import type { Json, Mode } from '../../core/index.ts';
import { listManifests } from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';
import { loadPolicies, readObservedFolder, readPolicyFolder } from '../../policy/index.ts';
import type { Groups, PolicySet } from '../../policy/index.ts';
import type { PolicyDesk } from '../../server/index.ts';

export interface PolicyDeskSource {
  readonly db: Database;
  readonly folder: string;
  readonly groups: Groups;
  readonly mode: Mode;
}

/** The policies as the API shows and explains them, against what the workers have published. */
export interface RefreshableDesk extends PolicyDesk {
  /** Reads folder and manifests again. Throws `Refusal` where they do not fit; what was in force stays shown. */
  refresh(): Promise<void>;
  /** Refreshes regularly, telling what goes wrong, until the function that it gives is called. */
  keepFresh(warn: (message: string) => void): () => void;
}

const EVERY = 5_000;

export function createPolicyDesk({ db, folder, groups, mode }: PolicyDeskSource): RefreshableDesk {
  const read = mode === 'observe' ? readObservedFolder : readPolicyFolder;
  let set: PolicySet | null = null;
  let told = '';
  async function refresh(): Promise<void> {
    const manifests = await listManifests(db);
    if (manifests.length === 0) return;
    set = loadPolicies({ sources: await read(folder), manifests, groups });
    told = '';
  }
  return {
    refresh,
    keepFresh(warn) {
      const once = (error: unknown): void => {
        const message = error instanceof Error ? error.message : String(error);
        if (message !== told) warn(`the policies were not read again: ${message}`);
        told = message;
      };
      const timer = setInterval(() => void refresh().catch(once), EVERY);
      return () => clearInterval(timer);
    },
    list: () => ({ hash: set?.hash ?? '', policies: set?.policies ?? [] }),
    explain: (call) => (set === null ? null : (JSON.parse(canonicalOf(set.explain(call))) as Json)),
  };
}
