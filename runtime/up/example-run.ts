import type { RunId } from '../../core/index.ts';
import type { ServerDeps } from '../../server/index.ts';
import type { Project } from './project.ts';

export interface ExampleRun {
  readonly run: RunId;
  /** It was waiting since an earlier start. */
  readonly resumed: boolean;
}

/** Starts the example, or goes on with the run that an earlier start left. Its requester is the agent itself. */
export async function exampleRun(example: NonNullable<Project['example']>, server: ServerDeps, open: RunId | null): Promise<ExampleRun> {
  if (open !== null) return { run: open, resumed: true };
  const { name, agent } = example;
  const run = await server.startRun({
    id: server.newId('run'),
    agent,
    workflow: name,
    input: null,
    requesters: [`agent:${agent}`],
    limits: {},
    labels: { example: name },
  });
  return { run, resumed: false };
}
