import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Refusal } from '../../core/index.ts';
import { loadConfig } from '../config/load-config.ts';
import { requireProduction } from './requirements.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdpoint-production-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const WHOLE = { people: { ada: {} }, groups: { operators: ['ada'] }, worker: { actions: './a.js', workflows: './w.js' } };
const ENV = { DATABASE_URL: 'postgres://u:hidden@db/holdpoint', TEMPORAL_ADDRESS: 'temporal:7233' };

function missing(file: object, env: Record<string, string>, command: 'server' | 'worker'): readonly string[] {
  writeFileSync(join(folder, 'holdpoint.config.yaml'), JSON.stringify(file));
  try {
    requireProduction(loadConfig({ env, cwd: folder }), command);
    return [];
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'production_incomplete') throw error;
    expect(error.message).not.toContain('hidden');
    return error.data['missing'] as readonly string[];
  }
}

describe('production', () => {
  it('starts with every part stated', () => {
    expect(missing(WHOLE, ENV, 'server')).toEqual([]);
    expect(missing(WHOLE, ENV, 'worker')).toEqual([]);
    expect(missing({ ...WHOLE, temporal: { address: 'temporal:7233' } }, { DATABASE_URL: ENV.DATABASE_URL }, 'server')).toEqual([]);
  });

  it.each([
    ['the ledger', WHOLE, { TEMPORAL_ADDRESS: ENV.TEMPORAL_ADDRESS }, 'server', /^DATABASE_URL/],
    ['Temporal', WHOLE, { DATABASE_URL: ENV.DATABASE_URL }, 'worker', /^TEMPORAL_ADDRESS/],
    ['people', { worker: WHOLE.worker }, ENV, 'server', /^people/],
    ['operators', { people: WHOLE.people, groups: { approvers: ['ada'] } }, ENV, 'server', /^groups\.operators/],
    ['the worker’s modules', { people: WHOLE.people, groups: WHOLE.groups }, ENV, 'worker', /^worker/],
  ] as const)('does not start without %s, and says so', (_, file, env, command, said) => {
    expect(missing(file, env, command)[0]).toMatch(said);
  });

  it('names everything that is missing at once', () => {
    expect(missing({}, {}, 'worker')).toHaveLength(5);
    expect(missing({}, {}, 'server')).toHaveLength(4);
  });
});
