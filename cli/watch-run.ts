import type { RunView } from '../core/index.ts';
import type { Client } from './client.ts';
import type { Context } from './command.ts';
import { EXIT } from './exit-code.ts';
import type { ExitCode } from './exit-code.ts';
import { renderCommands } from './render/hold.ts';
import { renderRun, renderRunLine } from './render/run.ts';

const LOOK_EVERY_MILLIS = 500;

/**
 * Follows a run until it ends: each change as a line, each new hold with the commands that decide it, both
 * on standard error where `--json` keeps standard output for the run at its end. Exit code 0 = succeeded.
 */
export async function watchRun(context: Context, client: Client, id: string): Promise<ExitCode> {
  const { shell } = context;
  const tell = context.json ? shell.complain : shell.print;
  const announced = new Set<string>();
  let said = '';
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- one look after the other
    const run = await client.get<RunView>(`/runs/${encodeURIComponent(id)}`);
    const line = renderRunLine(run);
    if (line !== said) tell(line);
    said = line;
    for (const hold of run.holds.filter((one) => one.state === 'open' && !announced.has(one.id))) {
      announced.add(hold.id);
      tell(`  see: ${shell.program} hold show ${hold.id}\n${renderCommands(hold, shell.program)}`);
    }
    if (run.state === 'succeeded' || run.state === 'failed' || run.state === 'killed') {
      context.show(run, () => `\n${renderRun(run, context.reader())}`);
      return run.state === 'succeeded' ? EXIT.done : EXIT.failed;
    }
    // oxlint-disable-next-line no-await-in-loop -- as above
    await shell.pause(LOOK_EVERY_MILLIS);
  }
}
