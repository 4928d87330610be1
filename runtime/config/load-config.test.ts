import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Refusal } from '../../core/index.ts';
import { loadConfig } from './load-config.ts';

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'holdpoint-config-'));
});
afterEach(() => rmSync(cwd, { recursive: true }));

function refusal(load: () => unknown): Refusal {
  try {
    load();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('It was accepted.');
}

describe('loadConfig', () => {
  it('fills every default where there is no file', () => {
    expect(loadConfig({ env: {}, cwd })).toMatchObject({
      file: null,
      people: {},
      groups: {},
      limits: { steps: 100, spend: 5_000_000, time: 3_600_000, identical: 5, failures: 5 },
      policies: join(cwd, 'policies'),
      worker: null,
      temporal: { address: null, namespace: 'default' },
      server: { bind: '127.0.0.1' },
      queues: ['holdpoint'],
      environment: { home: join(cwd, '.holdpoint'), port: 7400, token: null, databaseUrl: null },
    });
  });

  it('turns dollars, durations and relative paths into what the parts use', () => {
    writeFileSync(
      join(cwd, 'holdpoint.config.yaml'),
      [
        'people: { ada: { name: Ada } }',
        'groups: { operators: [ada] }',
        'limits: { spend: 0.25, time: 30m }',
        'agents: { bot: { limits: { steps: 7 } } }',
        'worker: { actions: ./src/actions.js, workflows: ./src/workflows.js, taskQueue: q }',
      ].join('\n'),
    );
    expect(loadConfig({ env: { TEMPORAL_ADDRESS: 'temporal:7233' }, cwd })).toMatchObject({
      people: { ada: { name: 'Ada' } },
      limits: { steps: 100, spend: 250_000, time: 1_800_000 },
      agents: { bot: { limits: { steps: 7, spend: 250_000 } } },
      worker: { actions: join(cwd, 'src/actions.js') },
      temporal: { address: 'temporal:7233' },
      queues: ['q'],
    });
  });

  it('throws the one problem as it is, and several together', () => {
    writeFileSync(join(cwd, 'one.yaml'), 'limtis: {}\n');
    expect(refusal(() => loadConfig({ file: 'one.yaml', env: {}, cwd }))).toMatchObject({
      code: 'config_unknown_key',
      message: 'one.yaml:1:1: "limtis" is not a setting.',
    });
    writeFileSync(join(cwd, 'two.yaml'), 'limits: { steps: 0, spend: 0 }\n');
    const two = refusal(() => loadConfig({ file: 'two.yaml', env: {}, cwd }));
    expect(two.code).toBe('config_invalid');
    expect(two.data['problems']).toHaveLength(2);
  });

  it('refuses a named file that is not there', () => {
    expect(refusal(() => loadConfig({ file: 'no.yaml', env: {}, cwd }))).toMatchObject({ kind: 'not_found', code: 'config_missing' });
  });

  it.each([
    ['HOLDPOINT_PORT', '0'],
    ['HOLDPOINT_PORT', '-1'],
    ['HOLDPOINT_PORT', '70000'],
    ['HOLDPOINT_PORT', 'abc'],
    ['HOLDPOINT_PORT', '6000'],
    ['HOLDPOINT_URL', 'localhost:7400'],
    ['DATABASE_URL', 'mysql://u:hunter2@h/d'],
    ['TEMPORAL_ADDRESS', 'http://x'],
  ])('refuses %s=%s, naming the variable', (name, value) => {
    const error = refusal(() => loadConfig({ env: { [name]: value }, cwd }));
    expect(error.code).toBe('environment_invalid');
    expect(error.message).toContain(name);
    expect(error.message).not.toContain('hunter2');
  });

  it('reads the environment, where an empty variable counts as unset', () => {
    const env = { HOLDPOINT_HOME: 'state', HOLDPOINT_PORT: '7500', HOLDPOINT_URL: 'http://h:1', HOLDPOINT_TOKEN: 't', DATABASE_URL: '' };
    expect(loadConfig({ env, cwd }).environment).toEqual({
      home: join(cwd, 'state'),
      port: 7500,
      url: 'http://h:1',
      token: 't',
      databaseUrl: null,
      temporalAddress: null,
    });
  });
});
