import { expect, it } from 'vitest';
import { createTeardown } from './teardown.ts';

const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('stops what was started in the opposite order, one after the other, and once', async () => {
  const stopped: string[] = [];
  const teardown = createTeardown();
  for (const name of ['one', 'two', 'three']) {
    teardown.add(name, async () => {
      stopped.push(`${name} begins`);
      await later();
      stopped.push(`${name} ends`);
    });
  }
  await Promise.all([teardown.run(), teardown.run()]);
  await teardown.run();
  expect(stopped).toEqual(['three begins', 'three ends', 'two begins', 'two ends', 'one begins', 'one ends']);
});

it('stops the others where one fails, at once or later', async () => {
  const stopped: string[] = [];
  const teardown = createTeardown();
  teardown.add('first', () => Promise.resolve(void stopped.push('first')));
  teardown.add('rejects', () => Promise.reject(new Error('no')));
  teardown.add('throws', () => {
    throw new Error('no');
  });
  await teardown.run();
  expect(stopped).toEqual(['first']);
});

it('stops what comes when it is under way already, before it says that it is through', async () => {
  const stopped: string[] = [];
  const teardown = createTeardown();
  teardown.add('early', later);
  const running = teardown.run();
  teardown.add('late', () => Promise.resolve(void stopped.push('late')));
  await teardown.run();
  expect(stopped).toEqual(['late']);
  await running;
  teardown.add('later still', () => Promise.resolve(void stopped.push('later still')));
  await teardown.run();
  expect(stopped).toEqual(['late', 'later still']);
});
