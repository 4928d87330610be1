import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { registerActions } from '../../activities/index.ts';
import { checkChain, parseChain } from '../../core/index.ts';
import type { Json } from '../../core/index.ts';
import type { Database } from '../../ledger/index.ts';
import { supervised } from '../../test/e2e/supervised.ts';
import type { Supervised } from '../../test/e2e/supervised.ts';
import { openFreshLedger } from '../../test/temporal-lab.ts';
import { mcpActions } from './mcp-actions.ts';
import type { McpOptions } from './mcp-actions.ts';

const HERE = import.meta.dirname;
const root = mkdtempSync(join(tmpdir(), 'holdpoint-mcp-'));
const client = new Client({ name: 'test', version: '1.0.0' });
const plan = parse(readFileSync(join(HERE, 'chain.yaml'), 'utf8')) as { readonly steps: Json };
let db: Database;
let lab: Supervised;

beforeAll(async () => {
  writeFileSync(join(root, 'notes.txt'), 'remember the milk');
  await client.connect(new StdioClientTransport({ command: process.execPath, args: [join(HERE, 'server.mjs'), root] }));
  db = await openFreshLedger();
  lab = await supervised({
    db,
    actions: { folder: await mcpActions(client) },
    policies: readFileSync(join(HERE, 'policies/folder.cedar'), 'utf8'),
    groups: { owners: ['ada'] },
    workflowsPath: join(HERE, 'workflows.ts'),
  });
});
afterAll(async () => {
  await lab?.stop();
  await db?.close();
  await client.close();
  rmSync(root, { recursive: true, force: true });
});

const copyTo = (to: string) => lab.start('chain', { input: { from: 'notes.txt', to }, steps: plan.steps });

describe('a chain of MCP tools', () => {
  it('reads, is held before it writes, and writes when a person approves', async () => {
    const run = await copyTo('approved.txt');
    const [hold] = await lab.held(run);
    expect(hold).toMatchObject({ action: 'folder.write_file', kind: 'approval' });
    expect(existsSync(join(root, 'approved.txt'))).toBe(false);
    const calls = await lab.calls(run);
    expect(calls.map(({ action }) => action).toSorted()).toEqual(['folder.read_file', 'folder.write_file']);
    await lab.decide(hold!.id);
    expect(await lab.result(run)).toEqual({ outputs: { read: { text: 'remember the milk' }, write: { text: 'wrote approved.txt' } } });
    expect(readFileSync(join(root, 'approved.txt'), 'utf8')).toBe('remember the milk');
  });

  it('writes nothing when a person denies', async () => {
    const run = await copyTo('denied.txt');
    const [hold] = await lab.held(run);
    await lab.decide(hold!.id, { choice: 'deny', note: 'not this one' });
    await expect(lab.result(run)).rejects.toMatchObject({ cause: { cause: { type: 'ActionDenied' } } });
    expect(existsSync(join(root, 'denied.txt'))).toBe(false);
  });
});

describe('the actions of an MCP server', () => {
  const annotationsOf = async (options?: McpOptions) =>
    Object.fromEntries([...registerActions(await mcpActions(client, options))].map(([name, { manifest }]) => [name, manifest.annotations]));

  it('are taken for the worst where the server says nothing', async () => {
    const { read_file: read, write_file: write } = await annotationsOf();
    expect(read).toEqual({ readOnly: true, destructive: false, idempotent: true, openWorld: false });
    expect(write).toEqual({ readOnly: false, destructive: true, idempotent: false, openWorld: true });
  });

  it('are what the developer states, whatever the server claims', async () => {
    const { read_file: read } = await annotationsOf({ annotations: { read_file: { readOnly: false, openWorld: true } } });
    expect(read).toMatchObject({ readOnly: false, openWorld: true });
    await expect(annotationsOf({ annotations: { erase: { readOnly: true } } })).rejects.toThrow('"erase", which is no tool');
  });

  it("have the server's own schema, so that a chain is checked before it starts", async () => {
    const manifests = [...registerActions({ folder: await mcpActions(client) }).values()].map(({ manifest }) => manifest);
    expect(() => checkChain(parseChain(plan), manifests)).not.toThrow();
    const wrong = { steps: [{ id: 'read', action: 'folder.read_file', input: { path: 'notes.txt' } }] };
    expect(() => checkChain(parseChain(wrong), manifests)).toThrow('needed by folder.read_file');
  });
});
