import { canonicalOf } from '../../core/index.ts';
import type { Json } from '../../core/index.ts';
import { listManifests } from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';
import { loadPolicies, readPolicyFolder } from '../../policy/index.ts';
import type { Groups, PolicySet } from '../../policy/index.ts';
import type { PolicyDesk } from '../../server/index.ts';

export interface PolicyDeskSource {
  readonly db: Database;
  readonly folder: string;
  readonly groups: Groups;
}

/** The policies as the API shows and explains them, against what the workers have published. */
export interface RefreshableDesk extends PolicyDesk {
  /** Reads folder and manifests again. Throws `Refusal` where they do not fit; what was in force stays shown. */
  refresh(): Promise<void>;
}

export function createPolicyDesk({ db, folder, groups }: PolicyDeskSource): RefreshableDesk {
  let set: PolicySet | null = null;
  return {
    async refresh() {
      const manifests = await listManifests(db);
      if (manifests.length === 0) return;
      set = loadPolicies({ sources: await readPolicyFolder(folder), manifests, groups });
    },
    list: () => ({ hash: set?.hash ?? '', policies: set?.policies ?? [] }),
    explain: (call) => (set === null ? null : (JSON.parse(canonicalOf(set.explain(call))) as Json)),
  };
}
