import type { Instant, Principal } from '../core/index.ts';
import type { Database } from './database.ts';
import { recordForInstallation } from './installation.ts';

/** A credential, without its secret. */
export interface TokenRecord {
  readonly id: string;
  readonly principal: Principal;
  readonly kind: 'person' | 'machine';
  /** What it is for, for people. */
  readonly name: string;
  /** Who made it, and so stands behind what it asks for; null = this program, for the person at its own machine. */
  readonly owner: Principal | null;
  readonly createdAt: Instant;
  readonly revokedAt: Instant | null;
}

export interface NewToken extends Pick<TokenRecord, 'id' | 'principal' | 'kind' | 'name'> {
  /** Lower-case hex SHA-256 of the secret, which is kept nowhere. */
  readonly hash: string;
  /** Its owner from now on; absent = this program. */
  readonly by?: Principal | undefined;
}

const COLUMNS = `id, principal, kind, name, owner, created_at AS "createdAt", revoked_at AS "revokedAt"`;
const CREATE = `
  INSERT INTO tokens (id, hash, principal, kind, name, owner, created_at) VALUES ($1, $2, $3, $4, $5, $6, holdpoint_now())
  ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`;
const KNOWN = `SELECT ${COLUMNS} FROM tokens WHERE id = $1 AND hash = $2`;
const FIND = `SELECT ${COLUMNS} FROM tokens WHERE hash = $1 AND revoked_at IS NULL`;
const LIST = `SELECT ${COLUMNS} FROM tokens ORDER BY created_at DESC, id DESC`;
const REVOKE = 'UPDATE tokens SET revoked_at = holdpoint_now() WHERE id = $1 AND revoked_at IS NULL RETURNING principal';

type TokenRow = TokenRecord & { readonly [column: string]: unknown };

/** Idempotent by id and hash; an id or a hash that is taken by another token is `null`. */
export async function createToken(db: Database, token: NewToken): Promise<TokenRecord | null> {
  const { id, hash, principal, kind, name, by } = token;
  return await db.transaction(async (tx) => {
    const [made] = await tx.query<TokenRow>(CREATE, [id, hash, principal, kind, name, by ?? null]);
    if (made === undefined) return (await tx.query<TokenRow>(KNOWN, [id, hash]))[0] ?? null;
    recordForInstallation(tx, { kind: 'token.created', body: { token: id, principal, tokenKind: kind, name, by: by ?? null } });
    return made;
  });
}

/** The token with this hash; null = unknown or revoked. */
export async function findToken(db: Database, hash: string): Promise<TokenRecord | null> {
  return (await db.query<TokenRow>(FIND, [hash]))[0] ?? null;
}

/** Newest first, revoked ones too. */
export async function listTokens(db: Database): Promise<readonly TokenRecord[]> {
  return await db.query<TokenRow>(LIST);
}

/** False = unknown, or revoked before. */
export async function revokeToken(db: Database, id: string, by?: Principal): Promise<boolean> {
  return await db.transaction(async (tx) => {
    const revoked = await tx.query(REVOKE, [id]);
    if (revoked.length > 0) recordForInstallation(tx, { kind: 'token.revoked', body: { token: id, by: by ?? null } });
    return revoked.length > 0;
  });
}
