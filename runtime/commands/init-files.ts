/** An exported function, with the names of its parameters; null = they have none that could be read. */
export interface FoundActivity {
  readonly name: string;
  readonly parameters: readonly string[] | null;
}

export interface ProjectToWrite {
  /** Paths relative to the project, beginning with `./`. */
  readonly activities: string;
  readonly workflows: string;
  readonly taskQueue: string;
  readonly found: readonly FoundActivity[];
}

export interface WrittenProject {
  readonly files: readonly { readonly path: string; readonly text: string }[];
  readonly worker: string;
}

/** A first project, as texts: everything is in observe, and every activity is taken for the worst that it could be. */
export function writeProject(project: ProjectToWrite): WrittenProject {
  return {
    files: [
      { path: 'holdpoint.config.yaml', text: config(project) },
      { path: 'holdpoint.actions.mjs', text: actions(project) },
      { path: 'policies/first.cedar', text: policies(project) },
      { path: 'policies/first.test.yaml', text: cases(project) },
    ],
    worker: `import { holdpoint } from 'holdpoint';
import { actions } from './holdpoint.actions.mjs';

const worker = await Worker.create({
  …,
  // "activities" goes: the plugin registers them.
  plugins: [holdpoint({ actions, config: 'holdpoint.config.yaml' })],
});`,
  };
}

function config({ workflows, taskQueue }: ProjectToWrite): string {
  return `# To be reviewed. In observe everything passes, and "holdpoint report" says what would not.
mode: observe
# Who may decide, and in which groups. "operators" decide what no policy assigns.
people:
  you: { name: You }
groups:
  operators: [you]
worker:
  actions: ./holdpoint.actions.mjs
  workflows: ${workflows}
  taskQueue: ${taskQueue}
`;
}

function actions({ activities, found }: ProjectToWrite): string {
  const entries = found.map(({ name, parameters }) => {
    const args = parameters?.map((parameter) => `${parameter}: z.any()`).join(', ');
    const stated = args === undefined || args === '' ? '' : `, args: { ${args} }`;
    return `  ${name}: { annotations: WORST${stated} },`;
  });
  return `// To be reviewed: what each activity does, for policies to judge and people to read.
import { governActivities } from 'holdpoint';
import { z } from 'zod';
import * as activities from '${activities}';

// What is assumed until somebody has looked: it destroys, it may not be repeated, it reaches the world outside.
const WORST = { readOnly: false, destructive: true, idempotent: false, openWorld: true };

// Types in the place of z.any(), such as z.string() and z.int(), let policies read the arguments.
export const actions = governActivities(activities, {
${entries.join('\n')}
});
`;
}

function policies({ found }: ProjectToWrite): string {
  const asks = found.map(
    ({ name }) => `@id("ask-before-${name}")
@hold("${name} may not be taken back")
@approvers("operators")
@mode("observe")
forbid (principal, action == Action::"${name}", resource);`,
  );
  return `// To be reviewed. Everything is permitted, and what would be asked is only recorded.
@id("everything-for-now")
permit (principal, action, resource);

${asks.join('\n\n')}
`;
}

function cases({ found }: ProjectToWrite): string {
  const lines = found.map(
    ({ name }) => `  - name: ${name} passes for now\n    agent: anyone\n    action: ${name}\n    input: {}\n    expect: allow`,
  );
  return `# To be reviewed: run them with "holdpoint policy test".\ncases:\n${lines.join('\n')}\n`;
}
