import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createTestEnvironment } from './index.ts';
import type { TestEnvironment, TestEnvironmentOptions } from './index.ts';
import * as actions from './sample-actions.fixture.ts';
import { insatiable, order, orderLater, parent, remind } from './workflows.fixture.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 180_000 });

const POLICIES = `
@id("all") permit (principal, action, resource);
@id("strangers") @hold("A stranger gets a mail") @approvers("approvers") @deadline("4h") @edits("text")
forbid (principal, action == Action::"mail.send", resource) unless { context.facts.known };
@id("board") @hold("The board gets a mail") @approvers("approvers") @quorum("2") @edits("text")
forbid (principal, action == Action::"mail.send", resource) when { context.input.to == "board@example.com" };
@id("gold") @hold("Gold is dear") @approvers("approvers") @quorum("2")
forbid (principal, action == Action::"shop.stock.order", resource) when { context.input.item == "gold" };
`;
const OPTIONS: TestEnvironmentOptions<typeof actions> = {
  actions,
  workflows: fileURLToPath(new URL('workflows.fixture.ts', import.meta.url)),
  fakes: { 'mail.send': { run: () => Promise.resolve({ status: 202 }) } },
  policies: POLICIES,
  groups: { approvers: ['ada', 'ben'], operators: ['ops'] },
  people: ['eve'],
  patience: 30_000,
};
const MAIL = { to: 'joe@elsewhere.example', text: 'The invoice is due.' };
const HOUR = 3_600_000;

describe('a test environment', () => {
  let env: TestEnvironment<typeof actions>;
  beforeAll(async () => {
    env = await createTestEnvironment(OPTIONS);
  });
  afterAll(() => env?.stop());

  it('holds a call until a person approves it', async () => {
    const run = await env.start(remind, MAIL.to);
    const hold = await run.expectHeld('mail.send', MAIL);
    expect(hold).toMatchObject({ kind: 'approval', title: `Mail to ${MAIL.to}`, policies: ['strangers'] });
    await run.expectEffects([]);
    await hold.approve('ada');
    expect(await run.result()).toBe('sent: 202');
    await run.expectEffects([['mail.send', MAIL]]);
    expect(run.effects()).toEqual([{ run: run.id, action: 'mail.send', input: { ...MAIL, copies: 1 } }]);
    expect(await run.ended()).toMatchObject({ closed: 'succeeded' });
  });

  it('lets an approver change the call', async () => {
    const run = await env.start(remind, MAIL.to);
    await (await run.expectHeld('mail.send')).approve('ben', { edit: { text: 'Please pay.' } });
    await run.expectEffects([['mail.send', { to: MAIL.to, text: 'Please pay.' }]]);
    await run.result();
  });

  it('takes no approval of what the approver has not seen', async () => {
    const run = await env.start(remind, 'board@example.com');
    const seen = await run.expectHeld('mail.send');
    await seen.approve('ada', { edit: { text: 'Kindly pay.' } });
    await expect(seen.approve('ben')).rejects.toMatchObject({ code: 'hold_changed' });
    await (await run.expectHeld('mail.send')).approve('ben');
    await run.expectEffects([['mail.send', { to: 'board@example.com', text: 'Kindly pay.' }]]);
    await run.result();
  });

  it('tells the workflow that it was denied, and has no effect', async () => {
    const run = await env.start(remind, MAIL.to);
    await (await run.expectHeld('mail.send', MAIL)).deny('ada', 'not him');
    expect(await run.result()).toBe('approval_denied');
    await run.expectEffects([]);
  });

  it('lets four hours pass in no time', async () => {
    const before = (await env.clock.now()).getTime();
    const run = await env.start(remind, MAIL.to);
    const hold = await run.expectHeld('mail.send', MAIL);
    await hold.expire();
    expect(await run.result()).toBe('approval_expired');
    expect((await env.clock.now()).getTime() - before).toBeGreaterThan(4 * HOUR);
    await run.expectEffects([]);
    await expect(hold.approve('ada')).rejects.toMatchObject({ code: expect.stringMatching(/^hold_closed|run_closed$/) as string });
  });

  it("moves Temporal's clock with the ledger's, and only when told to", async () => {
    const run = await env.start(orderLater, 30, { limits: { time: 60 * 24 * HOUR } });
    await env.clock.advance('29d');
    const { events } = await env.client.workflow.getHandle(run.id).fetchHistory();
    expect(events?.filter(({ timerFiredEventAttributes }) => timerFiredEventAttributes)).toEqual([]);
    await env.clock.advance(2 * 24 * HOUR);
    await run.expectEffects([['shop.stock.order', { item: 'tea' }]]);
    await run.result();
  });

  it('holds people to what holds them elsewhere', async () => {
    const run = await env.start(order, ['gold'], { requestedBy: 'ada' });
    const hold = await run.expectHeld('shop.stock.order', { item: 'gold' });
    await expect(hold.approve('ada')).rejects.toMatchObject({ code: 'requester_decides' });
    await expect(hold.approve('eve')).rejects.toMatchObject({ code: 'not_eligible' });
    await expect(hold.approve('nobody')).rejects.toMatchObject({ code: 'not_eligible' });
    await expect(hold.deny('ben', ' ')).rejects.toMatchObject({ code: 'note_required' });
    await hold.approve('ben');
    await expect(hold.approve('ben')).rejects.toMatchObject({ code: 'already_voted' });
    await run.expectEffects([]);
  });

  it('shows a run that a limit stops, and lets it be raised', async () => {
    const run = await env.start(insatiable, null, { limits: { identical: 2 } });
    const stopped = await run.expectStopped();
    await run.expectEffects(['shop.stock.order', 'shop.stock.order']);
    await expect(stopped.expire()).rejects.toMatchObject({ code: 'hold_without_deadline' });
    await stopped.decide('ops', 'raise', { raise: { identical: 1 } });
    await run.expectEffects(Array.from({ length: 3 }, () => ['shop.stock.order', { item: 'more' }] as const));
    await (await run.expectStopped()).decide('ops', 'kill', { note: 'enough' });
    expect(await run.ended()).toMatchObject({ closed: 'killed' });
  });

  it('stops what a killed run has started, known to the ledger or not', async () => {
    const run = await env.start(parent, null);
    const child = env.client.workflow.getHandle('the-sleeper');
    await vi.waitFor(async () => expect((await child.describe()).status.name).toBe('RUNNING'), 20_000);
    await run.kill('ops', 'enough');
    expect(await run.ended()).toMatchObject({ closed: 'killed', fence: { by: 'person:ops', reason: 'enough' } });
    expect((await child.describe()).status.name).not.toBe('RUNNING');
  });

  describe('says what happened instead', () => {
    it('of a call that was not held', async () => {
      const run = await env.start(remind, 'ann@example.com');
      const missed = run.expectHeld('mail.send', MAIL);
      await expect(missed).rejects.toMatchObject({ name: 'AssertionError', operator: 'expectHeld' });
      await expect(missed).rejects.toThrow(
        [
          `mail.send {"copies":1,"text":"The invoice is due.","to":"joe@elsewhere.example"} was not held before the run ended.`,
          'Held:\n  (nothing)',
          'Called:\n  mail.count {}: succeeded\n  mail.send {"copies":1,"text":"The invoice is due.","to":"ann@example.com"}: succeeded',
          `${run.id} is succeeded. Its workflow ended: COMPLETED.`,
        ].join('\n\n'),
      );
    });

    it('of effects that are others, as soon as they are', async () => {
      const run = await env.start(order, ['tea', 'gold']);
      await run.expectHeld('shop.stock.order', { item: 'gold' });
      const differs = run.expectEffects([['shop.stock.order', { item: 'milk' }], 'mail.send']);
      await expect(differs).rejects.toMatchObject({
        name: 'AssertionError',
        actual: [['shop.stock.order', { item: 'tea' }]],
        expected: [['shop.stock.order', { item: 'milk' }], 'mail.send'],
      });
      await expect(differs).rejects.toThrow(
        'Expected:\n  shop.stock.order {"item":"milk"}\n  mail.send (any input)\n\nBegan:\n  shop.stock.order {"item":"tea"}',
      );
      await expect(run.expectEffects([])).rejects.toThrow('Expected:\n  (nothing)\n\nBegan:\n  shop.stock.order {"item":"tea"}');
    });

    it('of effects that never began', async () => {
      const run = await env.start(order, ['tea']);
      await expect(run.expectEffects(['shop.stock.order', 'shop.stock.order'])).rejects.toThrow(/is succeeded/);
    });
  });

  describe('refuses what can never come true', () => {
    it('by name and by input, as the types do', async () => {
      const run = await env.start(order, []);
      // @ts-expect-error -- no such action
      await expect(run.expectHeld('mail.sned')).rejects.toMatchObject({ code: 'action_unknown', hint: 'Did you mean "mail.send"?' });
      // @ts-expect-error -- no such field
      await expect(run.expectHeld('mail.send', { to: 'a', txt: 'b' })).rejects.toMatchObject({ code: 'expectation_invalid' });
      // @ts-expect-error -- another type
      await expect(run.expectEffects([['shop.stock.order', { item: 7 }]])).rejects.toMatchObject({ code: 'expectation_invalid' });
      await expect(run.expectEffects(['mail.count'])).rejects.toMatchObject({ code: 'expectation_invalid' });
      // @ts-expect-error -- it takes a list of texts
      await (await env.start(order, [7])).ended();
    });

    it('and time that stands still or goes back', async () => {
      for (const by of ['4', '0s', 0, -5]) await expect(env.clock.advance(by)).rejects.toMatchObject({ code: 'duration_invalid' });
    });
  });
});

describe('a test environment with a configuration of its own, on a server that runs already', () => {
  it("moves the ledger's clock alone, and holds expire all the same", async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdpoint-config-'));
    mkdirSync(join(folder, 'policies'));
    writeFileSync(join(folder, 'policies/mail.cedar'), POLICIES);
    const config = join(folder, 'holdpoint.config.yaml');
    writeFileSync(
      config,
      JSON.stringify({ people: { ada: {}, ben: {} }, groups: { approvers: ['ada', 'ben'] }, limits: { identical: 1 } }),
    );
    const { workflows, patience = 0 } = OPTIONS;
    const env = await createTestEnvironment({
      actions,
      workflows,
      patience,
      config,
      address: process.env['HOLDPOINT_TEST_TEMPORAL'] ?? '',
    });
    try {
      const held = await env.start('remind', MAIL.to);
      await (await held.expectHeld('mail.send')).expire();
      expect(await held.result()).toBe('approval_expired');
      const stopped = await env.start('order', ['tea', 'tea']);
      await stopped.expectStopped();
      await stopped.expectEffects(['shop.stock.order']);
    } finally {
      await env.stop();
      rmSync(folder, { recursive: true });
    }
  });
});

describe('a test environment that cannot be', () => {
  const refused = (wrong: object) => createTestEnvironment({ ...OPTIONS, ...wrong });

  it.each([
    [
      'policies that do not validate',
      { policies: '@id("x") permit (principal, action == Action::"mail.sent", resource);' },
      'policy_invalid',
    ],
    ['policies that ask a group that there is not', { groups: {} }, 'policy_group'],
    ['a fake of no action', { fakes: { 'mail.sned': {} } }, 'action_unknown'],
    ['a configuration that is nowhere', { config: '/nowhere/holdpoint.config.yaml' }, 'config_missing'],
  ])('is refused for %s', async (_, wrong, code) => {
    await expect(refused(wrong)).rejects.toMatchObject({ code });
  });

  it('leaves nothing behind where it fails half-way', async () => {
    const before = process.env['TMPDIR'];
    const folder = mkdtempSync(join(tmpdir(), 'holdpoint-fails-'));
    process.env['TMPDIR'] = folder;
    try {
      await expect(refused({ workflows: '/nowhere/workflows.ts' })).rejects.toMatchObject({ code: 'worker_module' });
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
      rmSync(folder, { recursive: true });
    }
  });
});
