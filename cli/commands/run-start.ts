import { Option } from 'commander';
import type { Command } from 'commander';
import { Refusal } from '../../core/index.ts';
import type { ActionManifest, Json, RunSummary } from '../../core/index.ts';
import { checkChainFile, isChainFile, readChainFile } from '../chain-file.ts';
import type { Client } from '../client.ts';
import { addCommand } from '../command.ts';
import type { Context, Host } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { countOption, moneyOption, readJson, timeOption } from '../options.ts';
import { renderRunFacts } from '../render/run.ts';
import { watchRun } from '../watch-run.ts';

interface StartOptions {
  readonly input?: string;
  readonly agent?: string;
  readonly maxSteps?: number;
  readonly maxSpend?: number;
  readonly maxTime?: number;
  readonly label?: readonly string[];
  readonly asMe?: boolean;
  readonly wait?: boolean;
}

export function addRunStart(run: Command, host: Host): void {
  addCommand<StartOptions>(run, host, {
    usage: 'start <file|workflow>',
    summary: 'Start a run: a chain of actions from a YAML or JSON file, or a workflow by its name',
    remote: true,
    options: [
      new Option('--input <json|@file>', "the workflow's argument, or the chain's input"),
      new Option('--agent <name>', 'the agent that it runs as'),
      countOption('--max-steps <n>', 'how many attempts it may start'),
      moneyOption('--max-spend <usd>', 'how many US dollars it may spend'),
      timeOption('--max-time <duration>', 'how long it may work, such as 1h'),
      new Option('--label <key=value...>', 'labels, which policies can see'),
      new Option('--as-me', 'be among its requesters, who cannot decide its holds'),
      new Option('--wait', 'wait until it ends'),
    ],
    act: async (context, options, word = '') => {
      const client = context.client();
      const body = isChainFile(word) ? await chainBody(context, client, word, options) : workflowBody(context, word, options);
      const started = await client.post<RunSummary>('/runs', {
        ...body,
        ...limitsOf(options),
        ...labelsOf(options),
        ...(options.asMe === true ? { asMe: true } : {}),
      });
      if (options.wait !== true) {
        const { program } = context.shell;
        context.show(started, () => `${renderRunFacts(started, context.shell.now())}\n\nSee: ${program} run show ${started.id}`);
        return EXIT.done;
      }
      return watchRun(context, client, started.id);
    },
  });
}

function workflowBody(context: Context, workflow: string, { input, agent }: StartOptions) {
  return {
    workflow,
    ...(agent === undefined ? {} : { agent }),
    ...(input === undefined ? {} : { input: readJson('--input', input, context.shell) }),
  };
}

/** The whole file is checked against what the workers have published before anything starts. */
async function chainBody(context: Context, client: Client, word: string, { input, agent }: StartOptions) {
  const file = await readChainFile(word, context.shell);
  const given: Json | undefined = input === undefined ? undefined : readJson('--input', input, context.shell);
  const plan = given === undefined ? file.plan : { ...file.plan, input: given };
  const { items } = await client.get<{ readonly items: readonly ActionManifest[] }>('/actions');
  checkChainFile({ ...file, plan }, items);
  const document = given === undefined ? file.document : { ...(file.document as object), input: given };
  return { workflow: 'chain', input: document, ...(agent === undefined ? {} : { agent }) };
}

function limitsOf({ maxSteps, maxSpend, maxTime }: StartOptions): { readonly limits?: object } {
  const given = Object.entries({ steps: maxSteps, spend: maxSpend, time: maxTime }).filter(([, value]) => value !== undefined);
  return given.length === 0 ? {} : { limits: Object.fromEntries(given) };
}

function labelsOf({ label }: StartOptions): { readonly labels?: object } {
  if (label === undefined) return {};
  return {
    labels: Object.fromEntries(
      label.map((text) => {
        const at = text.indexOf('=');
        if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
        throw new Refusal('invalid', 'option_invalid', `--label must be KEY=VALUE; got ${JSON.stringify(text)}.`);
      }),
    ),
  };
}
