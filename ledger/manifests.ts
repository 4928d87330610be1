import { canonical } from '../core/index.ts';
import type { ActionManifest } from '../core/index.ts';
import type { Database } from './database.ts';

const PUBLISH = `
  INSERT INTO manifests (action, manifest, published_at) VALUES ($1, $2, holdpoint_now())
  ON CONFLICT (action) DO UPDATE SET manifest = excluded.manifest, published_at = excluded.published_at
  WHERE manifests.manifest <> excluded.manifest`;

/** Makes the actions known to everyone; those of other workers stay. The last word on an action counts. */
export async function publishManifests(db: Database, manifests: readonly ActionManifest[]): Promise<void> {
  // In one order for all, so that two workers that start together do not wait for each other crosswise.
  const sorted = [...manifests].sort((a, b) => (a.action < b.action ? -1 : 1));
  await db.transaction(async (tx) => {
    await Promise.all(sorted.map((manifest) => tx.query(PUBLISH, [manifest.action, canonical(manifest)])));
  });
}

/** Sorted by name. */
export async function listManifests(db: Database): Promise<readonly ActionManifest[]> {
  const rows = await db.query<{ manifest: string }>('SELECT manifest FROM manifests ORDER BY action');
  return rows.map((row) => JSON.parse(row.manifest) as ActionManifest);
}
