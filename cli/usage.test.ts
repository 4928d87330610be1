import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findServer } from './find-server.ts';
import { say } from './shell.fixture.ts';

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'holdpoint-cli-'));
});
afterEach(() => rmSync(cwd, { recursive: true }));

/** Nothing listens there: 9 is "discard", and fetch itself refuses it. */
const NOBODY = { HOLDPOINT_URL: 'http://127.0.0.1:1' };

describe('usage', () => {
  it.each([
    [['run', 'list', '--colour'], "unknown option '--colour'"],
    [['rn'], "unknown command 'rn'"],
    [['run', 'start'], "missing required argument 'file|workflow'"],
    [['run', 'start', 'w', '--max-steps', '0'], '--max-steps must be a whole number of at least 1; got "0".'],
    [['run', 'start', 'w', '--max-steps', '-1'], '--max-steps must be a whole number of at least 1; got "-1".'],
    [['run', 'start', 'w', '--max-steps', 'NaN'], '--max-steps must be a whole number of at least 1; got "NaN".'],
    [['run', 'start', 'w', '--max-spend', '0'], '--max-spend must be US dollars above 0'],
    [['run', 'start', 'w', '--max-spend', 'five'], '--max-spend must be US dollars above 0'],
    [['run', 'start', 'w', '--max-time', '60'], '--max-time must be a number above 0 and a unit'],
    [['run', 'start', 'w', '--input', '{"a":1,"a":2}'], '--input: This is not JSON that can be accepted'],
    [['run', 'start', 'w', '--label', 'x'], '--label must be KEY=VALUE; got "x".'],
    [
      ['run', 'list', '--filter', 'colour=red'],
      '--filter is made of agent=VALUE, state=VALUE, workflow=VALUE, each once; got "colour=red".',
    ],
    [['run', 'list', '--sort', 'burn'], "option '--sort <order>' argument 'burn' is invalid"],
    [['run', 'kill', 'run-a'], "required option '--reason <text>' not specified"],
    [['run', 'kill', '--reason', 'r'], 'run kill takes either the id of a run or --filter.'],
    [['run', 'kill', 'run-a', '--filter', 'agent=a', '--reason', 'r'], 'run kill takes either the id of a run or --filter.'],
    [['run', 'raise', 'run-a', '--reason', 'r'], 'run raise needs at least one amount; got none.'],
    [['hold', 'deny', 'hold-a'], "required option '--note <text>' not specified"],
    [['hold', 'decide', 'hold-a', '--choice', 'allow'], "option '--choice <choice>' argument 'allow' is invalid"],
    [['hold', 'approve', 'hold-a', '--edit', '{'], '--edit: This is not JSON'],
    [['token', 'create'], 'token create takes either --person or --agent.'],
    [['policy', 'explain', '--action', 'a'], "required option '--input <json|@file>' not specified"],
    [['run', 'list', '--server', 'localhost'], '--server must be a URL that begins with http:// or https://; got "localhost".'],
  ])('refuses %j with exit code 2 and says why', async (args, message) => {
    const said = await say(args, { cwd, env: NOBODY });
    expect(said).toMatchObject({ code: 2, out: '' });
    expect(said.err).toContain(`error: ${message}`);
  });

  it('prints one problem document with --json', async () => {
    const said = await say(['run', 'list', '--filter', 'x', '--json'], { cwd });
    expect(said.code).toBe(2);
    expect(JSON.parse(said.out)).toMatchObject({
      code: 'filter_invalid',
      detail: expect.stringContaining('--filter'),
      hint: expect.any(String),
    });
  });

  it('prints help and version with exit code 0, and the help of a noun without a verb with 2', async () => {
    expect(await say(['--version'], { cwd })).toMatchObject({ code: 0, out: '9.9.9' });
    const help = await say(['run', '--help'], { cwd });
    expect(help.code).toBe(0);
    for (const verb of ['start', 'list', 'show', 'watch', 'kill', 'raise']) expect(help.out).toContain(verb);
    const noun = await say(['run'], { cwd });
    expect(noun.code).toBe(2);
    expect(noun.err).toContain('Usage: holdpoint run');
  });

  it('exits with 5 and says what to do where no server answers', async () => {
    const said = await say(['run', 'list'], { cwd, env: NOBODY });
    expect(said.code).toBe(5);
    expect(said.err).toMatch(/^error: No Holdpoint server answers at http:\/\/127\.0\.0\.1:1 \(.+\)\.\nhint: Start one with/);
  });

  it('exits with 3 for a file that is not there', async () => {
    expect((await say(['run', 'start', 'no.yaml'], { cwd, env: NOBODY })).code).toBe(3);
    expect((await say(['run', 'start', 'w', '--input', '@no.json'], { cwd, env: NOBODY })).code).toBe(3);
  });

  it.each([
    ['steps: [', 'chain_not_yaml'],
    ['steps: &a [{ id: a, action: git.push, input: {} }]\ninput: *a', 'chain_not_yaml'],
    ['steps: []\nsteps: []', 'chain_not_yaml'],
    ['steps: []', 'chain_invalid'],
    ['stpes: []', 'chain_invalid'],
  ])('refuses the chain %j before any server is asked', async (text, code) => {
    writeFileSync(join(cwd, 'c.yaml'), text);
    const said = await say(['run', 'start', 'c.yaml', '--json'], { cwd, env: NOBODY });
    expect(said.code).toBe(2);
    expect(JSON.parse(said.out)).toMatchObject({ code });
  });
});

describe('config check', () => {
  it('passes a right file, and fails a wrong one with its places', async () => {
    writeFileSync(join(cwd, 'holdpoint.config.yaml'), 'people: { ada: }\ngroups: { operators: [ada] }\n');
    expect(await say(['config', 'check'], { cwd })).toMatchObject({
      code: 0,
      out: expect.stringContaining('is right: 1 people, 1 groups, no worker.'),
    });
    writeFileSync(join(cwd, 'holdpoint.config.yaml'), 'peple: {}\n');
    const wrong = await say(['config', 'check'], { cwd });
    expect(wrong.code).toBe(1);
    expect(wrong.err).toBe('error: holdpoint.config.yaml:1:1: "peple" is not a setting.\nhint: Did you mean "people"?');
  });

  it('repeats no secret of the environment', async () => {
    const said = await say(['config', 'check', '--json'], {
      cwd,
      env: { DATABASE_URL: 'postgres://u:hunter2@h/d', HOLDPOINT_TOKEN: 'tok' },
    });
    expect(said.code).toBe(0);
    expect(said.out).not.toMatch(/hunter2|tok"/);
  });

  it('prints the schema', async () => {
    expect(JSON.parse((await say(['config', 'check', '--schema'], { cwd })).out)).toMatchObject({
      type: 'object',
      additionalProperties: false,
    });
  });
});

describe('findServer', () => {
  it('takes the option, then the environment, then what up wrote, then the default', () => {
    mkdirSync(join(cwd, '.holdpoint'));
    expect(findServer({}, { env: {}, cwd })).toEqual({ url: 'http://127.0.0.1:7400', token: null, local: true });
    expect(findServer({}, { env: { HOLDPOINT_PORT: '7500' }, cwd }).url).toBe('http://127.0.0.1:7500');
    writeFileSync(join(cwd, '.holdpoint/server.json'), '{"url":"http://127.0.0.1:7600"}');
    writeFileSync(join(cwd, '.holdpoint/token'), 'local\n');
    expect(findServer({}, { env: {}, cwd })).toEqual({ url: 'http://127.0.0.1:7600', token: 'local', local: true });
    expect(findServer({}, { env: { HOLDPOINT_URL: 'http://127.0.0.1:7600/' }, cwd }).token).toBe('local');
    expect(findServer({}, { env: { HOLDPOINT_TOKEN: 'mine' }, cwd }).token).toBe('mine');
    expect(findServer({ token: 'given' }, { env: { HOLDPOINT_TOKEN: 'mine' }, cwd }).token).toBe('given');
  });

  it('gives the local token to no other server', () => {
    mkdirSync(join(cwd, '.holdpoint'));
    writeFileSync(join(cwd, '.holdpoint/token'), 'local');
    expect(findServer({ server: 'https://holdpoint.example' }, { env: {}, cwd })).toEqual({
      url: 'https://holdpoint.example',
      token: null,
      local: false,
    });
    expect(findServer({}, { env: { HOLDPOINT_URL: 'https://holdpoint.example' }, cwd }).token).toBeNull();
  });
});

describe('doctor', () => {
  it('says what is wrong and what to do, and fails', async () => {
    mkdirSync(join(cwd, '.holdpoint'));
    writeFileSync(join(cwd, '.holdpoint/token'), 'local');
    chmodSync(join(cwd, '.holdpoint/token'), 0o644);
    writeFileSync(join(cwd, 'holdpoint.config.yaml'), 'limits: { steps: 0 }');
    const said = await say(['doctor', '--json'], { cwd, env: NOBODY });
    expect(said.code).toBe(1);
    const { findings } = JSON.parse(said.out) as { findings: { name: string; state: string; detail: string; hint: string | null }[] };
    const of = (name: string) => findings.find((one) => one.name === name);
    expect(of('Node.js')).toMatchObject({ state: 'ok' });
    expect(of('token')).toMatchObject({
      state: 'wrong',
      detail: expect.stringContaining('644'),
      hint: expect.stringContaining('chmod 600'),
    });
    expect(of('configuration')).toMatchObject({ state: 'wrong', detail: expect.stringContaining('limits.steps') });
    expect(of('server')).toMatchObject({ state: 'wrong', hint: expect.stringContaining('npm start') });
    const text = await say(['doctor'], { cwd, env: NOBODY });
    expect(text.out).toMatch(/WRONG {2}token/);
    expect(text.out).toMatch(/\d of 9 are wrong\.$/);
  });

  it('tries the database and the Temporal that are named', async () => {
    const env = { ...NOBODY, DATABASE_URL: 'postgres://u:hunter2@127.0.0.1:1/d', TEMPORAL_ADDRESS: '127.0.0.1:1' };
    const said = await say(['doctor', '--json'], { cwd, env });
    expect(said.out).not.toContain('hunter2');
    expect(JSON.parse(said.out).findings).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: 'ledger', state: 'wrong' }),
        expect.objectContaining({ name: 'Temporal', state: 'wrong', detail: 'Nothing answers at 127.0.0.1:1.' }),
      ]),
    );
  });
});

it.each(['server', 'worker'])('holdpoint %s starts nothing on fallbacks', async (command) => {
  const said = await say([command], { cwd });
  expect(said.code).toBe(4);
  expect(said.err).toContain('DATABASE_URL');
  expect(said.err).toContain('TEMPORAL_ADDRESS');
  expect(said.err).toContain('people');
  expect((await say([command, '--json'], { cwd })).code).toBe(2);
});
