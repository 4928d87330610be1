import type { ExampleRun } from './example-run.ts';
import type { Project } from './project.ts';

export interface Ready {
  readonly url: string;
  readonly started: ExampleRun | null;
  readonly project: Project;
  readonly program: string;
  /** The state folder where it is not the one that the commands look for by themselves; else null. */
  readonly home: string | null;
}

/** What is going on, first of all. */
export function renderReady({ url, started, project, program, home }: Ready): string {
  const lines = ['', `Holdpoint is ready at ${url}`, ''];
  if (project.example === null)
    lines.push(`Your worker listens on task queue ${project.taskQueue}.`, `Start a run:  ${program} run start WORKFLOW --agent NAME`);
  else lines.push(...project.example.about);
  if (started !== null) {
    lines.push('', `${started.resumed ? 'Going on with' : 'Started'} run ${started.run}`, `Follow it:  ${program} run show ${started.run}`);
  }
  if (home !== null)
    lines.push(
      `In another terminal, first:  export HOLDPOINT_HOME=${/^[\w./-]+$/.test(home) ? home : `'${home.replaceAll("'", "'\\''")}'`}`,
    );
  return lines.join('\n');
}

export interface Places {
  readonly home: string;
  readonly ledger: string;
  readonly temporal: string;
  readonly url: string;
  readonly policies: string;
  readonly program: string;
  /** Whether a worker of one's own runs already. */
  readonly own: boolean;
}

const OWN_WORKER = [
  'Govern your own worker: write holdpoint.config.yaml, then start again',
  '  worker:',
  '    actions: ./dist/actions.js       # exports trees of defineAction(…)',
  '    workflows: ./dist/workflows.js   # ordinary workflows, with proxyActions(…)',
  '    taskQueue: my-agents',
  'or add one line to a worker of yours (DATABASE_URL names its Postgres):',
  "  const worker = await Worker.create({ …, plugins: [holdpoint({ actions, config: 'holdpoint.config.yaml' })] });",
  '',
];

/** Where everything is, and how one's own worker is governed. */
export function renderPlaces({ home, ledger, temporal, url, policies, program, own }: Places): string {
  return [
    '',
    'Where everything is',
    `  API       ${url}/api/v1  (token in ${home}/token)`,
    `  ledger    ${ledger}`,
    `  Temporal  ${temporal}`,
    `  policies  ${policies}`,
    `  logs      ${home}/worker.log, ${home}/temporal/temporal.log`,
    '',
    ...(own ? [] : OWN_WORKER),
    `More: ${program} --help.  Ctrl-C stops everything; nothing is lost.`,
    '',
  ].join('\n');
}
