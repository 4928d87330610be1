import type { Database } from './database.ts';

const PUT = `INSERT INTO blobs (sha256, body) VALUES ($1, convert_to($2, 'UTF8')) ON CONFLICT (sha256) DO NOTHING`;
const GET = `SELECT convert_from(body, 'UTF8') AS body FROM blobs WHERE sha256 = $1`;

/** Keeps a text under the SHA-256 of its UTF-8 bytes; a wrong hash is `invariant_broken`. Idempotent. */
export async function putBlob(db: Database, sha256: string, body: string): Promise<void> {
  await db.query(PUT, [sha256, body]);
}

export async function getBlob(db: Database, sha256: string): Promise<string | null> {
  const [row] = await db.query<{ body: string }>(GET, [sha256]);
  return row?.body ?? null;
}
