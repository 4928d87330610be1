import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findToken, migrate, openPglite, revokeToken } from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';
import { loadConfig } from '../config/load-config.ts';
import { ensureLocalToken, withLocalPeople } from './local-people.ts';

const alone = loadConfig({ env: {}, cwd: tmpdir() });

describe('withLocalPeople', () => {
  it('makes the local person operator and release manager where nobody is named', () => {
    expect(withLocalPeople(alone)).toMatchObject({ people: { you: {} }, groups: { operators: ['you'], 'release-managers': ['you'] } });
  });

  it('adds nobody where somebody is', () => {
    const named = { ...alone, people: { ada: { name: 'Ada' } }, groups: { operators: ['ada'] } };
    expect(withLocalPeople(named)).toBe(named);
  });
});

describe('ensureLocalToken', () => {
  let db: Database;
  let home: string;
  beforeAll(async () => {
    db = await openPglite({ memory: true });
    await migrate(db);
  });
  afterAll(() => db.close());
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'holdpoint-token-'));
    return () => rmSync(home, { recursive: true });
  });
  const file = (): string => join(home, 'token');
  const text = (): string => readFileSync(file(), 'utf8').trim();
  const known = () => findToken(db, createHash('sha256').update(text()).digest('hex'));

  it('writes a token that the ledger knows as the person’s, for its owner’s eyes', async () => {
    await ensureLocalToken(db, home, withLocalPeople(alone));
    expect(await known()).toMatchObject({ principal: 'person:you', kind: 'person' });
    expect(statSync(file()).mode & 0o777).toBe(0o600);
  });

  it('keeps it while the ledger knows it', async () => {
    await ensureLocalToken(db, home, withLocalPeople(alone));
    const before = text();
    await ensureLocalToken(db, home, withLocalPeople(alone));
    expect(text()).toBe(before);
  });

  it('replaces what a new ledger does not know, what was revoked, and another person’s, whatever the file’s mode was', async () => {
    writeFileSync(file(), 'from another ledger\n');
    chmodSync(file(), 0o644);
    await ensureLocalToken(db, home, withLocalPeople(alone));
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    const first = await known();
    expect(first).toMatchObject({ principal: 'person:you' });
    await revokeToken(db, first?.id ?? '');
    await ensureLocalToken(db, home, withLocalPeople(alone));
    expect((await known())?.id).not.toBe(first?.id);
    await ensureLocalToken(db, home, { ...alone, people: { ada: { name: 'Ada' } } });
    expect(await known()).toMatchObject({ principal: 'person:ada' });
  });
});
