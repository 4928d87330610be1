import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createToken, findToken } from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';
import type { Config } from '../config/load-config.ts';

/** The one person of a machine on which nobody configured people. */
const YOU = 'you';

/** Where the configuration names nobody, the local person decides everything. Only `up` does this. */
export function withLocalPeople(config: Config): Config {
  if (Object.keys(config.people).length > 0) return config;
  return { ...config, people: { [YOU]: { name: 'You' } }, groups: { operators: [YOU], 'release-managers': [YOU], ...config.groups } };
}

/** A credential for the local person (or the first one configured), in a file that only its owner can read. */
export async function ensureLocalToken(db: Database, home: string, config: Config): Promise<void> {
  const file = join(home, 'token');
  const person = Object.keys(config.people)[0] ?? YOU;
  const kept = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  const known = kept === '' ? null : await findToken(db, hashOf(kept));
  if (known !== null && known.principal === `person:${person}`) return;
  const secret = randomBytes(32).toString('base64url');
  await createToken(db, {
    id: `token-${randomBytes(8).toString('hex')}`,
    hash: hashOf(secret),
    principal: `person:${person}`,
    kind: 'person',
    name: 'local',
  });
  // The mode is heeded only where the file is made.
  rmSync(file, { force: true });
  writeFileSync(file, `${secret}\n`, { mode: 0o600, flag: 'wx' });
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret, 'utf8').digest('hex');
}
