import { createHash, randomBytes } from 'node:crypto';
import { Refusal } from '../../core/index.ts';
import type { TokenView } from '../../core/index.ts';
import { createToken, migrate, openPostgres } from '../../ledger/index.ts';
import type { Config } from '../config/load-config.ts';
import { refusing } from '../installation/open-ledger.ts';

export interface TokenOwner {
  readonly person?: string | undefined;
  readonly agent?: string | undefined;
  readonly name?: string | undefined;
}

/**
 * Makes a token in the ledger itself, past the API: the first token of a person can come from nowhere else.
 * Whoever holds DATABASE_URL could write there anyway. Throws `Refusal` `ledger_not_named` or `person_unknown`.
 */
export async function issueToken(config: Config, { person, agent, name }: TokenOwner): Promise<TokenView & { readonly token: string }> {
  const { databaseUrl } = config.environment;
  if (databaseUrl === null) {
    throw new Refusal('invalid', 'ledger_not_named', '--direct writes into the ledger that DATABASE_URL names; it is not set.', {
      hint: 'Set DATABASE_URL. With "holdpoint up" no first token is needed: it writes one into its state folder.',
    });
  }
  if (person !== undefined && !Object.hasOwn(config.people, person)) {
    throw new Refusal(
      'invalid',
      'person_unknown',
      `--person names one of the people of the configuration; got ${JSON.stringify(person)}.`,
      {
        hint: `List the person under people. Known: ${Object.keys(config.people).join(', ') || 'nobody'}.`,
      },
    );
  }
  const db = await refusing(openPostgres({ url: databaseUrl, poolSize: 1 }));
  try {
    await refusing(migrate(db));
    const token = randomBytes(32).toString('base64url');
    const principal = person === undefined ? `agent:${agent ?? ''}` : `person:${person}`;
    const made = await createToken(db, {
      id: `token-${randomBytes(8).toString('hex')}`,
      hash: createHash('sha256').update(token, 'utf8').digest('hex'),
      principal,
      kind: person === undefined ? 'machine' : 'person',
      name: name ?? principal,
    });
    if (made === null) throw new Refusal('failed', 'token_collision', 'The token could not be made.', { hint: 'Try again.' });
    const { id, kind, createdAt, revokedAt } = made;
    return { id, principal, kind, name: made.name, createdAt, revokedAt, token };
  } finally {
    await db.close();
  }
}
