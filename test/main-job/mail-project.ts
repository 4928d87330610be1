import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

const FILES: Readonly<Record<string, string>> = {
  'package.json': '{ "name": "mail-project", "private": true, "type": "module" }\n',
  'holdpoint.config.yaml': `people:
  ada: { name: Ada }
  ben: { name: Ben }
  cleo:
groups:
  operators: [ada]
  managers: [ada, cleo]
worker:
  actions: ./actions.js
  workflows: ./workflows.js
  taskQueue: mail
agents:
  hasty: { limits: { failures: 1 } }
`,
  'actions.js': `import { appendFileSync } from 'node:fs';
import { defineAction } from 'holdpoint';
import { z } from 'zod';

const sent = new URL('sent.jsonl', import.meta.url);
const note = (line) => appendFileSync(sent, JSON.stringify(line) + '\\n');

export const mail = {
  draft: defineAction({
    summary: 'Write a letter',
    input: z.strictObject({ to: z.email(), words: z.int().min(1).optional() }),
    output: z.strictObject({ text: z.string() }),
    annotations: { readOnly: true, destructive: false, idempotent: true, openWorld: false },
    run: async ({ to, words = 2 }) => ({ text: \`Dear \${to}\${', hello'.repeat(words)}\` }),
  }),
  send: defineAction({
    summary: 'Send a letter',
    input: z.strictObject({ to: z.email(), text: z.string(), key: z.string().optional() }),
    output: z.strictObject({ sent: z.boolean() }),
    annotations: { readOnly: false, destructive: false, idempotent: false, openWorld: true },
    title: ({ to }) => \`Letter to \${to}\`,
    editable: ['text'],
    secrets: ['key'],
    run: async ({ to, text }) => {
      if (to.startsWith('nobody')) throw new Error('the post office is closed');
      note({ to, text });
      return { sent: true };
    },
  }),
};
`,
  'workflows.js': `import { denialOf, edits, proxyActions } from 'holdpoint/workflows';
export { chain } from 'holdpoint/workflows';

const { mail } = proxyActions();

export async function letter({ to }) {
  const { text } = await mail.draft({ to });
  try {
    await mail.send({ to, text });
  } catch (error) {
    const denial = denialOf(error);
    if (denial === null) throw error;
    return { sent: false, why: denial.message };
  }
  return { sent: true, changed: edits().map(({ by }) => by) };
}
`,
  'policies/mail.cedar': `@id("clerk-sends")
permit (principal, action == Action::"mail.send", resource);

@id("letters")
@hold("A letter leaves the house") @approvers("managers") @edits("text")
forbid (principal, action == Action::"mail.send", resource);
`,
  'policies/mail.test.yaml': `cases:
  - { name: anybody drafts, agent: clerk, action: mail.draft, input: { to: a@example.com }, expect: allow }
  - name: a letter waits for a manager
    agent: clerk
    action: mail.send
    input: { to: a@example.com, text: hello }
    expect: { hold: { policies: [letters], approvers: managers, quorum: 1 } }
`,
  'letter.yaml': `agent: clerk
limits: { steps: 5, time: 10m }
input: { to: ada@example.com }
steps:
  - { id: draft, action: mail.draft, input: { to: '\${{ input.to }}', words: 1 } }
  - { id: send, action: mail.send, input: { to: '\${{ input.to }}', text: '\${{ steps.draft.output.text }}' } }
`,
};

/** A project as a workflow developer has one: plain JavaScript, and Holdpoint and zod among its packages. */
export function makeProject(folder: string): string {
  for (const [name, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules/holdpoint'));
  symlinkSync(join(ROOT, 'node_modules/zod'), join(folder, 'node_modules/zod'));
  return folder;
}
