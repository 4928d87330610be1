import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { HoldView, Page, Problem, RunSummary, RunView } from '../../core/index.ts';
import { freshDatabase, startPostgres } from '../real-postgres.ts';
import { Installation, PATIENCE, eventually } from './installation.ts';
import type { Ended, Running, Variables } from './installation.ts';
import { makeProject } from './mail-project.ts';

vi.setConfig({ testTimeout: 3 * PATIENCE, hookTimeout: 3 * PATIENCE });
const SECRET = 'hunter2-is-no-reference';

let place: Installation;
let project: string;
let database: Variables;
let running: Running;
let stopPostgres: () => Promise<void>;
const tokens: Record<'ada' | 'ben' | 'cleo' | 'clerk', string> = { ada: '', ben: '', cleo: '', clerk: '' };
type Who = keyof typeof tokens;

beforeAll(async () => {
  const postgres = await startPostgres();
  stopPostgres = postgres.stop;
  place = await Installation.create();
  project = makeProject(join(place.folder, 'project'));
  database = { DATABASE_URL: await freshDatabase(postgres.url) };
  running = place.up([], database, project);
  await running.said(/is ready at/);
  for (const person of ['ada', 'ben', 'cleo'] as const) {
    // oxlint-disable-next-line no-await-in-loop -- processes one at a time: the machine may be small
    const made = await place.run(['token', 'create', '--person', person, '--direct', '--json'], database, project);
    tokens[person] = (JSON.parse(made.out) as { readonly token: string }).token;
  }
  const made = await place.run(['token', 'create', '--agent', 'clerk', '--json'], as('ada'), project);
  tokens.clerk = (JSON.parse(made.out) as { readonly token: string }).token;
});
afterAll(async () => {
  await place?.remove();
  await stopPostgres?.();
}, PATIENCE);

const as = (who: Who): Variables => ({ HOLDPOINT_TOKEN: tokens[who] });
const holdpoint = (who: Who, args: readonly string[]): Promise<Ended> => place.run(args, as(who), project);

/** The API, which a script may use as well. */
async function api(who: Who, path: string, body?: string): Promise<{ readonly status: number; readonly body: unknown }> {
  const headers = { authorization: `Bearer ${tokens[who]}`, 'content-type': 'application/json' };
  const request = body === undefined ? { headers } : { method: 'POST', headers, body };
  const response = await fetch(`http://127.0.0.1:${place.port}/api/v1${path}`, request);
  return { status: response.status, body: await response.json() };
}

async function get<T>(path: string): Promise<T> {
  return (await api('ada', path)).body as T;
}

/** What a refused command could have changed. */
async function counts(): Promise<string> {
  const [runs, holds] = await Promise.all([get<Page<RunSummary>>('/runs?limit=200'), get<Page<HoldView>>('/holds?state=all&limit=200')]);
  return [
    ...runs.items.map(({ id, steps }) => `${id} ${steps.limit}`),
    ...holds.items.map(({ id, state, version, votes }) => `${id} ${state} ${version} ${votes.length}`),
  ].join('\n');
}

async function openHold(run: string): Promise<string> {
  return (await eventually(async () => (await get<Page<HoldView>>(`/holds?run=${run}`)).items[0])).id;
}

/** One refusal: exit code, code, and everything that its message and hint say together. */
interface Refused {
  readonly exit: number;
  readonly code: string;
  readonly names: readonly (string | RegExp)[];
}

function expectRefused(ended: Ended, { exit, code, names }: Refused): void {
  const problem = JSON.parse(ended.out) as Problem;
  expect({ exit: ended.code, code: problem.code }, `${ended.out}${ended.err}`).toEqual({ exit, code });
  const said = `${problem.detail}\n${problem.hint ?? ''}`;
  for (const name of names) expect(said).toMatch(name instanceof RegExp ? name : new RegExp(name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')));
  expect(ended.err).toContain(`error: ${problem.detail.split('\n')[0]}`);
  expect(ended.out + ended.err).not.toContain(SECRET);
}

function chain(name: string, ...steps: string[]): string {
  writeFileSync(join(project, name), `agent: clerk\nsteps:\n${steps.map((step) => `  - ${step}\n`).join('')}`);
  return name;
}

const DRAFT = '{ id: draft, action: mail.draft, input: { to: a@example.com } }';

describe('before anything starts', () => {
  const start = (file: string): string[] => ['run', 'start', file];
  const letter = (...flags: string[]): string[] => ['run', 'start', 'letter', '--agent', 'clerk', ...flags];
  const explain = (action: string): string[] => ['policy', 'explain', '--action', action, '--input', '{}'];
  const limit = (flag: string, value: string): [string, () => string[], Refused] => [
    `${flag} ${value}`,
    () => letter(flag, value),
    { exit: 2, code: 'option_invalid', names: [flag, JSON.stringify(value), /must be/] },
  ];

  it.each<[string, () => string[], Refused]>([
    [
      'an unknown action in a chain',
      () => start(chain('unknown.yaml', '{ id: post, action: mail.sned, input: {} }')),
      { exit: 2, code: 'chain_action_unknown', names: ['steps[0].action', '"post"', '"mail.sned"', 'mail.send'] },
    ],
    [
      'an unknown action to explain',
      () => explain('mail.sned'),
      { exit: 3, code: 'action_unknown', names: ['"mail.sned"', '"mail.send"'] },
    ],
    [
      'an input that lacks a field',
      () => start(chain('lacks.yaml', '{ id: draft, action: mail.draft, input: {} }')),
      { exit: 2, code: 'chain_input_invalid', names: ['steps[0].input.to', 'mail.draft'] },
    ],
    [
      'an input with a field too many',
      () => start(chain('many.yaml', '{ id: draft, action: mail.draft, input: { to: a@example.com, word: 3 } }')),
      { exit: 2, code: 'chain_input_invalid', names: ['steps[0].input.word', '"words"'] },
    ],
    [
      'an input with a value of the wrong kind',
      () => start(chain('kind.yaml', '{ id: draft, action: mail.draft, input: { to: a@example.com, words: many } }')),
      { exit: 2, code: 'chain_input_invalid', names: ['steps[0].input', '"draft"', '"words"', /must be integer/] },
    ],
    [
      'a literal in a secret field',
      () => start(chain('secret.yaml', `{ id: send, action: mail.send, input: { to: a@example.com, text: t, key: ${SECRET} } }`)),
      { exit: 2, code: 'secret_literal', names: ['steps[0].input.key', '"send"', 'secret:NAME'] },
    ],
    [
      'a reference to a later step',
      () =>
        start(
          chain(
            'later.yaml',
            "{ id: send, action: mail.send, input: { to: a@example.com, text: '${{ steps.draft.output.text }}' } }",
            DRAFT,
          ),
        ),
      { exit: 2, code: 'chain_reference_later', names: ['steps[0].input.text', '"send"', 'steps.draft.output.text', 'runs later'] },
    ],
    [
      'a reference to no step',
      () =>
        start(
          chain(
            'nowhere.yaml',
            DRAFT,
            "{ id: send, action: mail.send, input: { to: a@example.com, text: '${{ steps.darft.output.text }}' } }",
          ),
        ),
      { exit: 2, code: 'chain_reference_unknown', names: ['steps[1].input.text', '"darft"', '"draft"'] },
    ],
    [
      'a chain that is no YAML',
      () => (writeFileSync(join(project, 'broken.yaml'), 'steps: [\n'), start('broken.yaml')),
      { exit: 2, code: 'chain_not_yaml', names: [/broken\.yaml:\d+:\d+/] },
    ],
    ['a chain in no file', () => start('none.yaml'), { exit: 3, code: 'file_unreadable', names: ['none.yaml'] }],
    [
      'an input above 2 MB',
      () => (writeFileSync(join(project, 'large.json'), JSON.stringify({ to: 'x'.repeat(2_000_001) })), letter('--input', '@large.json')),
      { exit: 2, code: 'payload_too_large', names: [/\d{7} bytes/, /2000000|2097152/] },
    ],
    ['an input that is no JSON', () => letter('--input', '{to:}'), { exit: 2, code: 'json_invalid', names: ['--input', /line 1/] }],
    [
      'an input with a key twice',
      () => letter('--input', '{"to":1,"to":2}'),
      { exit: 2, code: 'json_duplicate_key', names: ['--input', '"to"'] },
    ],
    ...['0', '-1', 'NaN', '"5"', '1.5'].map((value) => limit('--max-steps', value)),
    ...['0', '-1', 'NaN', '"5"'].map((value) => limit('--max-spend', value)),
    ...['0s', '-1m', 'NaN', '5'].map((value) => limit('--max-time', value)),
    ['a run without an agent', () => ['run', 'start', 'letter'], { exit: 2, code: 'agent_missing', names: ['"agent"', '--agent'] }],
    ['an unknown run to show', () => ['run', 'show', 'run-none'], { exit: 3, code: 'run_unknown', names: ['"run-none"'] }],
    ['an unknown run to kill', () => ['run', 'kill', 'run-none', '--reason', 'r'], { exit: 3, code: 'run_unknown', names: ['"run-none"'] }],
    [
      'an unknown run to raise',
      () => ['run', 'raise', 'run-none', '--steps', '1', '--reason', 'r'],
      { exit: 3, code: 'run_unknown', names: ['"run-none"'] },
    ],
    ['an unknown run to verify', () => ['audit', 'verify', 'run-none'], { exit: 3, code: 'run_unknown', names: ['"run-none"'] }],
    ['an unknown hold to show', () => ['hold', 'show', 'hold-none'], { exit: 3, code: 'hold_unknown', names: ['"hold-none"'] }],
    ['an unknown hold to approve', () => ['hold', 'approve', 'hold-none'], { exit: 3, code: 'hold_unknown', names: ['"hold-none"'] }],
    ['an unknown option', () => ['run', 'list', '--filtre', 'x'], { exit: 2, code: 'usage', names: ['--filtre', '--filter'] }],
  ])('%s is refused', async (_what, args, refused) => {
    const before = await counts();
    expectRefused(await holdpoint('ada', [...args(), '--json']), refused);
    expect(await counts()).toBe(before);
  });

  it.each<[string, string, RegExp]>([
    ['0', '{"steps":0}', /"limits\.steps" must be a whole number of at least 1; got 0/],
    ['-1', '{"spend":-1}', /"limits\.spend" must be a whole number of at least 1; got -1/],
    ['a fraction', '{"identical":1.5}', /"limits\.identical" must be a whole number of at least 1; got 1\.5/],
    ['a text', '{"time":"5"}', /"limits\.time" must be a whole number of at least 1; got "5"/],
    ['NaN', '{"failures":NaN}', /line 1/],
    ['beyond every number', '{"steps":1e999}', /line 1|finite|number/],
    ['unknown', '{"stpes":5}', /"limits\.stpes"/],
  ])('a limit that is %s is refused by the API as well', async (_what, limits, says) => {
    const before = await counts();
    const { status, body } = await api('ada', '/runs', `{"workflow":"letter","agent":"clerk","limits":${limits}}`);
    const problem = body as Problem;
    expect({ status, code: problem.code }).toEqual({ status: 400, code: expect.stringMatching(/^(request_invalid|json_\w+)$/) });
    expect(problem.detail).toMatch(says);
    expect(await counts()).toBe(before);
  });

  it('a body above 2 MB is refused by the API before it is read', async () => {
    const { status, body } = await api(
      'ada',
      '/runs',
      JSON.stringify({ workflow: 'letter', agent: 'clerk', input: 'x'.repeat(2_200_000) }),
    );
    expect({ status, code: (body as Problem).code }).toEqual({ status: 413, code: 'payload_too_large' });
  });
});

describe('a decision', () => {
  let hold: string;
  let own: string;
  beforeAll(async () => {
    [hold = '', own = ''] = await Promise.all([held('cleo'), held('ada', '--as-me')]);
  });

  /** A letter that waits; who starts it here is not among its requesters unless asked for. */
  async function held(who: Who, ...flags: string[]): Promise<string> {
    const started = await holdpoint(who, [
      'run',
      'start',
      'letter',
      '--agent',
      'clerk',
      '--input',
      '{"to":"a@example.com"}',
      ...flags,
      '--json',
    ]);
    const { id } = JSON.parse(started.out) as RunSummary;
    return openHold(id);
  }

  it.each<[string, Who, () => string[], Refused]>([
    [
      'on a stale version',
      'ada',
      () => ['approve', hold, '--seen', '2'],
      { exit: 4, code: 'hold_changed', names: ['version 1', 'version 2'] },
    ],
    ['by the requester', 'ada', () => ['approve', own], { exit: 4, code: 'requester_decides', names: ['person:ada', /Somebody else/] }],
    ['by someone not eligible', 'ben', () => ['approve', hold], { exit: 4, code: 'not_eligible', names: ['person:ben', 'managers'] }],
    [
      'by a machine token',
      'clerk',
      () => ['approve', hold],
      { exit: 4, code: 'machine_cannot_decide', names: ['agent:clerk', /never decide/] },
    ],
    [
      'with a choice of another kind',
      'ada',
      () => ['decide', hold, '--choice', 'raise', '--steps', '1'],
      { exit: 2, code: 'choice_unknown', names: [/approve/, 'raise'] },
    ],
    [
      'to deny without saying why',
      'ada',
      () => ['decide', hold, '--choice', 'deny'],
      { exit: 2, code: 'note_required', names: ['--note'] },
    ],
    [
      'that edits what is fixed',
      'ada',
      () => ['approve', hold, '--edit', '{"to":"me@example.com"}'],
      { exit: 4, code: 'edit_not_allowed', names: ['to', 'text'] },
    ],
    [
      'that edits it out of its schema',
      'ada',
      () => ['approve', hold, '--edit', '{"text":5}'],
      { exit: 2, code: 'edit_invalid', names: ['text'] },
    ],
    [
      'that edits a secret',
      'ada',
      () => ['approve', hold, '--edit', `{"key":"${SECRET}"}`],
      { exit: 4, code: 'edit_not_allowed', names: ['key'] },
    ],
    [
      'with an unknown token',
      'ben',
      () => ['approve', hold, '--token', 'nobody'],
      { exit: 4, code: 'token_unknown', names: [/unknown or was revoked/] },
    ],
  ])('%s is refused', async (_what, who, args, refused) => {
    const before = await counts();
    expectRefused(await holdpoint(who, ['hold', ...args(), '--json']), refused);
    expect(await counts()).toBe(before);
  });

  it('is taken once: the second is refused, whoever makes it', async () => {
    expect((await holdpoint('ada', ['hold', 'approve', hold, '--edit', '{"text":"Hello there"}'])).code).toBe(0);
    const sent = () => readFileSync(join(project, 'sent.jsonl'), { encoding: 'utf8', flag: 'a+' });
    await expect.poll(sent, { timeout: PATIENCE }).toBe('{"to":"a@example.com","text":"Hello there"}\n');
    const { run } = await get<HoldView>(`/holds/${hold}`);
    const state = async () => (await get<RunView>(`/runs/${run}`)).state;
    await expect.poll(state, { timeout: PATIENCE }).toBe('succeeded');
    const before = await counts();
    const late = { exit: 4, code: 'run_closed', names: [run, 'succeeded'] };
    expectRefused(await holdpoint('ada', ['hold', 'approve', hold, '--seen', '2', '--json']), late);
    expectRefused(await holdpoint('cleo', ['hold', 'deny', hold, '--note', 'too late', '--seen', '2', '--json']), late);
    expect(await counts()).toBe(before);
    expect(sent()).toBe('{"to":"a@example.com","text":"Hello there"}\n');
  });

  it('by one person of two counts once', async () => {
    expect((await holdpoint('cleo', ['hold', 'deny', own, '--note', 'not this one'])).code).toBe(0);
    const twice = await holdpoint('cleo', ['hold', 'deny', own, '--note', 'not this one', '--json']);
    expect(twice.code).toBe(4);
    expect((JSON.parse(twice.out) as Problem).code).toMatch(/^(hold_closed|run_closed)$/);
  });
});

describe('what stands in files', () => {
  const hold = (annotations: string): string =>
    `@id("ask") @hold("Ask") @approvers("managers") ${annotations}\nforbid (principal, action == Action::"mail.send", resource);\n`;

  it.each<[string, string, Refused]>([
    ['that does not parse', 'permit (principal, action;\n', { exit: 1, code: 'policy_syntax', names: [/one\.cedar:\d+/] }],
    [
      'that does not validate',
      '@id("p") permit (principal, action == Action::"mail.sned", resource);\n',
      { exit: 1, code: 'policy_invalid', names: ['one.cedar', 'mail.sned'] },
    ],
    [
      'that reads a field that no action has',
      '@id("p") permit (principal, action == Action::"mail.send", resource) when { context.input.txet == "a" };\n',
      { exit: 1, code: 'policy_invalid', names: ['one.cedar', 'txet'] },
    ],
    ['with a wrong annotation', hold('@quroum("1")'), { exit: 1, code: 'policy_annotation', names: ['@quroum', '@quorum', 'ask'] }],
    ['with a quorum above its group', hold('@quorum("3")'), { exit: 1, code: 'policy_group', names: ['quorum', '3', 'managers', '2'] }],
    ['without an id', 'permit (principal, action == Action::"mail.send", resource);\n', { exit: 1, code: 'policy_no_id', names: ['@id'] }],
  ])('a policy %s is refused', async (_what, text, refused) => {
    mkdirSync(join(project, 'wrong'), { recursive: true });
    writeFileSync(join(project, 'wrong/one.cedar'), text);
    expectRefused(await holdpoint('ada', ['policy', 'check', 'wrong', '--json']), refused);
  });

  it.each<[string, string, Refused]>([
    ['an unknown key', 'limts: { steps: 5 }\n', { exit: 1, code: 'config_unknown_key', names: [/other\.yaml:1:1/, '"limts"', '"limits"'] }],
    ['an unknown key within', 'limits: { stpes: 5 }\n', { exit: 1, code: 'config_unknown_key', names: ['limits.stpes', '"steps"'] }],
    ...['0', '-1', '.nan', '"5"', '1.5'].map((value): [string, string, Refused] => [
      `a limit of ${value}`,
      `limits: { steps: ${value} }\n`,
      {
        exit: 1,
        code: 'config_invalid',
        names: [/other\.yaml:1:\d+/, 'limits.steps', 'whole number of at least 1', value === '.nan' ? 'NaN' : value],
      },
    ]),
    ['a spend of 0', 'limits: { spend: 0 }\n', { exit: 1, code: 'config_invalid', names: ['limits.spend', 'above 0', 'got 0'] }],
    [
      'a time without a unit',
      'agents: { a: { limits: { time: "5" } } }\n',
      { exit: 1, code: 'config_invalid', names: ['agents.a.limits.time', '"5"'] },
    ],
    [
      'a stranger in a group',
      'people: { ada: }\ngroups: { operators: [adda] }\n',
      { exit: 1, code: 'config_unknown_person', names: ['"adda"', '"ada"'] },
    ],
    ['a secret that belongs elsewhere', `database: ${SECRET}\n`, { exit: 1, code: 'config_unknown_key', names: ['DATABASE_URL'] }],
  ])('a configuration with %s is refused', async (_what, text, refused) => {
    writeFileSync(join(project, 'other.yaml'), text);
    expectRefused(await holdpoint('ada', ['config', 'check', '--config', 'other.yaml', '--json']), refused);
  });

  it('a start is refused as the check would, and changes nothing', async () => {
    writeFileSync(join(project, 'other.yaml'), `database: ${SECRET}\nlimits: { steps: 0 }\n`);
    const started = await place.run(['up', '--config', 'other.yaml'], { HOLDPOINT_HOME: join(place.folder, 'unused') }, project);
    expect(started).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringMatching(/other\.yaml:1:1: "database"[\s\S]*other\.yaml:2:18: limits\.steps/),
    });
    expect(started.err).not.toContain(SECRET);
    expect(existsSync(join(place.folder, 'unused'))).toBe(false);
  });

  it('an environment variable that makes no sense is refused', async () => {
    const ended = await place.run(['up'], { HOLDPOINT_PORT: '74000' }, project);
    expect(ended).toMatchObject({ code: 2, err: expect.stringContaining('HOLDPOINT_PORT must be a port from 1 to 65535; got "74000"') });
    const secret = await place.run(['up'], { DATABASE_URL: SECRET }, project);
    expect(secret).toMatchObject({ code: 2, err: expect.stringContaining('DATABASE_URL must be a URL') });
    expect(secret.err).not.toContain(SECRET);
  });
});

describe('what only the gate can see', () => {
  it('a value that fails its schema is refused, and the run ends with field and rule', async () => {
    const ended = await holdpoint('ada', ['run', 'start', 'letter', '--agent', 'hasty', '--input', '{"to":"nowhere"}', '--wait', '--json']);
    expect(ended.code).toBe(1);
    const run = JSON.parse(ended.out) as RunView;
    expect(run).toMatchObject({ state: 'failed', steps: { used: 0 }, failures: { limit: 1 } });
    expect(run.closedReason).toContain('The input of mail.draft does not fit its schema: "to"');
    expect(run.calls).toMatchObject([{ action: 'mail.draft', state: 'refused', denial: { code: 'input_invalid' } }]);
    const shown = await holdpoint('ada', ['run', 'show', run.id]);
    expect(shown.out).toMatch(/^why +Its workflow failed: The input of mail\.draft/m);
  });

  it('a chain runs to its end once a manager has approved', async () => {
    const started = await holdpoint('clerk', ['run', 'start', 'letter.yaml', '--json']);
    const { id, steps } = JSON.parse(started.out) as RunSummary;
    expect(steps.limit).toBe(5);
    expect((await holdpoint('cleo', ['hold', 'approve', await openHold(id)])).code).toBe(0);
    const watched = await holdpoint('ben', ['run', 'watch', id]);
    expect(watched).toMatchObject({ code: 0, out: expect.stringContaining(`${id} succeeded`) });
    expect((await holdpoint('ben', ['policy', 'test'])).out).toContain('2 passed, 0 failed');
    expect((await holdpoint('ben', ['policy', 'check'])).code).toBe(0);
    expect((await holdpoint('ben', ['config', 'check'])).out).toContain('3 people, 2 groups, a worker');
    expect((await holdpoint('ben', ['action', 'list'])).out).toMatch(/^mail\.send +Send a letter +open world +text$/m);
  });

  it('and nothing of all this reached the log', () => {
    const log = readFileSync(join(place.home, 'worker.log'), 'utf8');
    expect(log + running.output()).not.toContain(SECRET);
    expect(running.output()).not.toMatch(/^(error|warning):/m);
  });
});
