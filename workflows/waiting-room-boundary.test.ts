import type { WorkflowBundle } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WAITING_ROOM_MARKER } from '../core/index.ts';
import { deny, denial } from '../test/workflows/scripted-gate.ts';
import { failureOf, holdFirst, startHarness } from '../test/workflows/waiting-room-harness.ts';
import type { Harness } from '../test/workflows/waiting-room-harness.ts';
import { marker } from './waiting-room.ts';

let lab: Harness;

beforeAll(async () => {
  lab = await startHarness();
});

afterAll(() => lab.stop());

describe('the boundary', () => {
  it('lets nothing out to where no gate stands, and names what it refused', async () => {
    const handle = await lab.start('escapes', [lab.queues.elsewhere], () => null);
    expect(await handle.result()).toEqual([
      'queue_ungoverned',
      'queue_ungoverned',
      'queue_ungoverned',
      'cron_refused',
      'nexus_ungoverned',
      'signal_ungoverned',
      'child heard',
    ]);
    expect(lab.gate.lines(handle.workflowId)).toEqual([]);
    await lab.replays(handle);
  });

  it('lets actions and children out to listed task queues', async () => {
    const handle = await lab.start('onQueue', [lab.queues.plain], ({ key }) => key);
    // The worker there has no waiting room, so its own activities carry no key.
    expect(await handle.result()).toEqual(['/1', [null]]);
    expect(lab.gate.asks(handle.workflowId)[0]).toMatchObject({ key: '/1' });
  });

  it('says of the calls of a run that Holdpoint did not start only which step they are, and does not follow other task queues', async () => {
    const [plain, away] = await Promise.all([
      lab.start(
        'denied',
        [],
        () => {
          throw deny();
        },
        { bare: true },
      ),
      lab.start('onQueue', [lab.queues.plain], () => null, { bare: true }),
    ]);
    expect(await plain.result()).toMatchObject({ denial });
    expect(lab.gate.asks(plain.workflowId).map(({ header }) => header)).toEqual([{ v: 1, run: '@adopted', path: '', key: '/1' }]);
    expect(await failureOf(away)).toMatchObject({
      type: 'HoldpointRefused',
      nonRetryable: true,
      message: expect.stringContaining(lab.queues.plain),
    });
    expect(lab.gate.asks(away.workflowId)).toEqual([]);
    await lab.replays(plain);
  });
});

describe('proxied actions and chains', () => {
  it('name actions by their path', async () => {
    const handle = await lab.start('throughProxies', [], ({ type }) => (type === 'git.log' ? { commits: [{ hash: 'abc' }] } : { at: 3 }));
    expect(await handle.result()).toEqual({ commits: [{ hash: 'abc' }], pushed: { at: 3 } });
    expect(lab.gate.asks(handle.workflowId).map(({ type, args }) => [type, args])).toEqual([
      ['git.log', [{ repo: '/r' }]],
      ['git.remote.push', [{ tag: 'abc' }]],
    ]);
  });

  it('a chain passes outputs on, waits where it is held, and gives every output', async () => {
    const plan = {
      input: { repo: '/r' },
      steps: [
        { id: 'log', action: 'git.log', input: { repo: '${{ input.repo }}' } },
        {
          id: 'push',
          action: 'git.remote.push',
          input: { tag: 'v-${{ steps.log.output.commits.0.hash }}', commits: '${{ steps.log.output.commits }}' },
        },
      ],
    };
    const handle = await lab.start('chain', [plan], (ask) => {
      if (ask.type === 'git.log') return { commits: [{ hash: 'abc' }] };
      return holdFirst(ask);
    });
    await lab.waiting(handle);
    await lab.wake(handle, '/2');
    expect(await handle.result()).toEqual({ outputs: { log: { commits: [{ hash: 'abc' }] }, push: 'did /2' } });
    expect(lab.gate.asks(handle.workflowId).at(-1)?.args).toEqual([{ tag: 'v-abc', commits: [{ hash: 'abc' }] }]);
    await lab.replays(handle);
  });

  it.each([
    ['chain_invalid', { steps: [], input: {} }],
    ['chain_reference_missing', { input: {}, steps: [{ id: 'a', action: 'git.log', input: '${{ steps.b.output }}' }] }],
  ])('a chain that cannot run fails with %s, before anything happened', async (code, plan) => {
    const handle = await lab.start('chain', [plan], () => null);
    expect(await failureOf(handle)).toMatchObject({ type: 'HoldpointRefused', details: [{ code }] });
    expect(lab.gate.lines(handle.workflowId)).toEqual([]);
  });

  it('a chain ends with the failure of the step that was denied', async () => {
    const steps = ['a', 'b'].map((id) => ({ id, action: 'git.log', input: {} }));
    const handle = await lab.start('chain', [{ steps, input: {} }], () => {
      throw deny();
    });
    expect(await failureOf(handle)).toMatchObject({ cause: { type: 'ActionDenied', details: [denial] } });
    expect(lab.gate.lines(handle.workflowId)).toEqual(['git.log /1']);
  });
});

describe('the bundle', () => {
  it('has the marker only where the waiting room is an interceptor', () => {
    expect(marker).toBe(WAITING_ROOM_MARKER);
    const code = (from: WorkflowBundle) => ('code' in from ? from.code : '');
    expect(code(lab.bundle)).toContain(WAITING_ROOM_MARKER);
    expect(code(lab.plainBundle)).not.toContain(WAITING_ROOM_MARKER);
  });
});
