import { Option } from 'commander';
import type { Command } from 'commander';
import { visibleText } from '../../core/index.ts';
import { addCommand } from '../command.ts';
import type { Host } from '../command.ts';
import { loadCommands } from '../local.ts';

interface InitCommand {
  readonly activities?: string;
  readonly workflows?: string;
  readonly taskQueue?: string;
  readonly dryRun?: boolean;
}

export function addInit(program: Command, host: Host): void {
  addCommand<InitCommand>(program, host, {
    usage: 'init',
    summary: "Read an existing project's activities and write a first configuration and policies, to be reviewed",
    remote: false,
    options: [
      new Option('--activities <file>', 'the built module of the activities; default: dist/activities.js and the like'),
      new Option('--workflows <file>', 'the built module of the workflows'),
      new Option('--task-queue <name>', 'the task queue of the worker; default: holdpoint'),
      new Option('--dry-run', 'print what would be written, and write nothing'),
    ],
    act: async (context, { activities, workflows, taskQueue, dryRun = false }) => {
      const { initProject } = await loadCommands();
      const made = await initProject({ activities, workflows, taskQueue, dryRun, cwd: context.shell.cwd });
      context.show({ written: !dryRun, ...made }, () =>
        [
          `Found ${made.activities.length} activities: ${visibleText(made.activities.map(({ name }) => name).join(', '))}.`,
          ...made.files.flatMap(({ path, text }) => (dryRun ? [`\n--- ${path}\n${text.trimEnd()}`] : [`  wrote ${path}`])),
          '\nReview them. Then give your worker the plugin:\n',
          made.worker,
          '\nNext: holdpoint config check, holdpoint policy test; with the worker running, holdpoint report.',
        ].join('\n'),
      );
    },
  });
}
