import { describe, expect, it } from 'vitest';
import { parseConfig } from './parse-config.ts';
import { configJsonSchema } from './schema.ts';

function problems(text: string): readonly { readonly code: string; readonly message: string; readonly hint: string | undefined }[] {
  const parsed = parseConfig(text, 'c.yaml');
  return 'problems' in parsed ? parsed.problems.map(({ code, message, hint }) => ({ code, message, hint })) : [];
}

describe('parseConfig', () => {
  it('accepts a whole file, and an empty one', () => {
    const text = [
      'people: { ada: { name: Ada }, you: }',
      'groups: { operators: [you], release-managers: [ada, you] }',
      'limits: { steps: 50, spend: 2.5, time: 30m, identical: 3, failures: 4 }',
      'agents: { release-bot: { limits: { steps: 9 } }, other: }',
      'policies: ./policies',
      'worker: { actions: ./a.js, workflows: ./w.js, taskQueue: q }',
      'temporal: { address: "127.0.0.1:7233", namespace: default }',
      'server: { bind: 0.0.0.0, hosts: [holdpoint.internal] }',
      'queues: [other]',
      'ungoverned: ["activity:legacy"]',
    ].join('\n');
    expect(problems(text)).toEqual([]);
    expect(problems('')).toEqual([]);
    expect(problems('# nothing yet\n')).toEqual([]);
  });

  it('names an unknown key, its place, and the key that was probably meant', () => {
    expect(problems('limits:\n  stpes: 5\n')).toEqual([
      { code: 'config_unknown_key', message: 'c.yaml:2:3: "limits.stpes" is not a setting.', hint: 'Did you mean "steps"?' },
    ]);
    expect(problems('agents: { bot: { limts: {} } }')[0]?.hint).toBe('Did you mean "limits"?');
    expect(problems('colour: red')[0]?.hint).toContain('Known here: people, groups, mode, admission, limits');
    expect(problems('__proto__: { a: 1 }')[0]?.code).toBe('config_unknown_key');
  });

  it('says where a secret belongs, and does not repeat it', () => {
    const [problem] = problems('ledger: { url: "postgres://u:hunter2@h/d" }');
    expect(problem?.hint).toContain('DATABASE_URL');
    expect(JSON.stringify(problem)).not.toContain('hunter2');
  });

  it.each([
    ['steps', '0', '0'],
    ['steps', '-1', '-1'],
    ['steps', '.nan', 'NaN'],
    ['steps', '"5"', '"5"'],
    ['steps', '1.5', '1.5'],
    ['steps', '.inf', 'Infinity'],
    ['spend', '0', '0'],
    ['spend', '-1', '-1'],
    ['spend', '.nan', 'NaN'],
    ['spend', '"5"', '"5"'],
    ['spend', '0.0000001', '1e-7'],
    ['time', '0', '0'],
    ['time', '60', '60'],
    ['time', '"5"', '"5"'],
    ['time', '-1h', '"-1h"'],
    ['identical', '0', '0'],
    ['failures', '"5"', '"5"'],
    ['failures', '[1]', 'a list'],
    ['failures', '', 'nothing'],
  ])('refuses the limit %s: %s, naming the rule and the value', (field, given, shown) => {
    const [problem, ...more] = problems(`limits:\n  ${field}: ${given}\n`);
    expect(more).toEqual([]);
    expect(problem?.message).toMatch(new RegExp(`^c\\.yaml:2:\\d+: limits\\.${field} must be `));
    expect(problem?.message.endsWith(`; got ${shown}.`)).toBe(true);
  });

  it('reports every problem, each with its place', () => {
    const found = problems('limits:\n  steps: 0\n  spend: "5"\ngroups:\n  operators: []\ntemporal: { address: here }\n');
    expect(found.map(({ message }) => message.slice(0, message.indexOf(' ')))).toEqual([
      'c.yaml:2:10:',
      'c.yaml:3:10:',
      'c.yaml:5:14:',
      'c.yaml:6:22:',
    ]);
  });

  it('refuses a key that stands twice, aliases, and what is not YAML', () => {
    expect(problems('limits: {}\nlimits: {}\n')).toMatchObject([
      { code: 'config_duplicate_key', message: expect.stringContaining('c.yaml:2:1') },
    ]);
    expect(problems('groups: &a { x: [y] }\npeople: *a\n')).toMatchObject([{ code: 'config_not_yaml' }]);
    expect(problems('limits: [\n')).toMatchObject([{ code: 'config_not_yaml' }]);
    expect(problems('- a\n')).toMatchObject([{ message: 'c.yaml:1:1: the file must be a map; got a list.' }]);
  });

  it('refuses members of groups who are nobody, and one who is named twice', () => {
    expect(problems('people: { ada: }\ngroups: { operators: [adda] }')).toEqual([
      {
        code: 'config_unknown_person',
        message: 'c.yaml:2:23: groups.operators names "adda", who is not among the people.',
        hint: 'Did you mean "ada"?',
      },
    ]);
    expect(problems('people: { ada: }\ngroups: { operators: [ada, ada] }')).toMatchObject([{ message: expect.stringContaining('twice') }]);
  });

  it('refuses a name with other characters', () => {
    expect(problems('people: { "a b": }')).toMatchObject([{ code: 'config_invalid', message: expect.stringContaining('got a b') }]);
  });
});

it('publishes the file as a JSON Schema that refuses unknown keys', () => {
  expect(configJsonSchema()).toMatchObject({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    additionalProperties: false,
    properties: { limits: { properties: { steps: { type: 'integer', minimum: 1 } }, additionalProperties: false } },
  });
});
