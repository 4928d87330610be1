import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { makeRepository } from '../activities/git/repository.fixture.ts';
import { createTestEnvironment } from '../testing/index.ts';
import type { TestEnvironment } from '../testing/index.ts';
import { demo, releaseActions } from './index.ts';
import { release } from './release/workflows.ts';
import { runaway } from './runaway/workflows.ts';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 180_000 });

const repository = makeRepository();
const { base, workspace, remote } = repository;
const actions = { ...releaseActions({ repository: workspace, remote, scratch: join(base, 'scratch'), forbidden: [] }), demo };
let env: TestEnvironment<typeof actions>;
beforeAll(async () => {
  env = await createTestEnvironment({
    actions,
    workflows: fileURLToPath(new URL('workflows.ts', import.meta.url)),
    policies: { folder: fileURLToPath(new URL('../policies', import.meta.url)) },
    groups: { 'release-managers': ['ada'], operators: ['ops'] },
    patience: 60_000,
  });
});
afterAll(async () => {
  await env?.stop();
  repository.remove();
});

describe('the release agent', () => {
  const start = () => env.start(release, null, { agent: 'release-bot' });
  const push = (version: string) => ({ remote: 'origin', ref: `refs/tags/v${version}` });
  const released = (): string => repository.remoteGit('tag', '--list');

  it('pushes a tag once a release manager has approved just that', async () => {
    const run = await start();
    const hold = await run.expectHeld('git.push', push('0.1.0'));
    const before = ['files.write', 'files.write', 'git.commit', 'git.tag'] as const;
    await run.expectEffects(before);
    expect(released()).toBe('');
    await expect(hold.approve('ops')).rejects.toMatchObject({ code: 'not_eligible' });
    await hold.approve('ada');
    expect(await run.result()).toMatchObject({ released: true, story: 'v0.1.0 is at origin, with 1 commits.' });
    await run.expectEffects([...before, ['git.push', push('0.1.0')]]);
    expect(released()).toBe('v0.1.0');
  });

  it('does nothing where nothing is new', async () => {
    const run = await start();
    expect(await run.result()).toMatchObject({ released: false, version: null });
    await run.expectEffects([]);
  });

  it.each([
    ['who says no', '0.2.0', 'It is Friday.'],
    ['who does not answer within four hours', '0.3.0', 'in time'],
  ])('pushes nothing for a release manager %s, and tells why', async (_, version, why) => {
    repository.commit('news.md', version, `feat: what ${version} brings`);
    const run = await start();
    const hold = await run.expectHeld('git.push', push(version));
    await (why === 'in time' ? hold.expire() : hold.deny('ada', why));
    const { released: pushed, story } = await run.result();
    expect([pushed, story]).toEqual([false, expect.stringMatching(`^v${version} was not pushed. .*${why}`)]);
    await run.expectEffects(['files.write', 'files.write', 'git.commit', 'git.tag']);
    expect(released()).toBe('v0.1.0');
  });
});

describe('the runaway agent', () => {
  it('is stopped when it has asked the same thing five times, and killed by an operator', async () => {
    const run = await env.start(runaway, null, { agent: 'runaway' });
    const stopped = await run.expectStopped();
    await run.expectEffects(Array.from({ length: 5 }, () => ['demo.ask', { question: 'Is it done?' }] as const));
    await stopped.decide('ops', 'kill', { note: 'enough' });
    expect(await run.ended()).toMatchObject({ closed: 'killed', used: { steps: 5 } });
    expect(run.effects()).toHaveLength(5);
  });
});
