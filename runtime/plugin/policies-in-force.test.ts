import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAction, registerActions } from '../../activities/index.ts';
import { listAudit, migrate, openPglite } from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';
import { putPoliciesInForce } from './policies-in-force.ts';

const nothing = z.strictObject({});
const note = defineAction({
  summary: 'Note',
  input: nothing,
  output: nothing,
  annotations: { readOnly: false, destructive: false, idempotent: true, openWorld: false },
  run: () => Promise.resolve({}),
});
const manifests = [...registerActions({ note }).values()].map(({ manifest }) => manifest);
const call = { agent: 'a', action: 'note', input: {}, facts: null, run: { workflow: 'w', requesters: [], labels: {} } };

let db: Database;
let folder: string;
const write = (text: string): void => writeFileSync(join(folder, 'p.cedar'), text);
beforeAll(async () => {
  db = await openPglite({ memory: true });
  await migrate(db);
  folder = mkdtempSync(join(tmpdir(), 'policies-'));
}, 180_000);
afterAll(async () => {
  await db.close();
  rmSync(folder, { recursive: true });
});

it('puts changed policies in force, audited; those that do not validate leave the old ones and are told of once', async () => {
  const warnings: string[] = [];
  write('@id("yes") permit (principal, action, resource);');
  const policies = await putPoliciesInForce({
    db,
    folder,
    manifests,
    groups: {},
    mode: 'enforce',
    warn: (message) => void warnings.push(message),
  });
  const first = policies.current();
  expect(first.rule(call).kind).toBe('allow');

  write('@id("no") forbid (principal, action, resource);');
  await policies.refresh();
  expect(policies.current().rule(call).kind).toBe('deny');
  expect(first.rule(call).kind).toBe('allow');

  write('@id("no") @quroum("2") forbid (principal, action, resource);');
  await policies.refresh();
  await policies.refresh();
  expect(policies.current().rule(call)).toMatchObject({ kind: 'deny', denial: { code: 'policy_forbids' } });
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain('@quroum');

  const kinds = (await listAudit(db, 'installation', { after: 0, limit: 100 })).map(
    ({ text }) => (JSON.parse(text) as { kind: string }).kind,
  );
  expect(kinds.filter((kind) => kind.startsWith('policies'))).toHaveLength(2);
});
