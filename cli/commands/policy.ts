import { Option } from 'commander';
import type { Command } from 'commander';
import { Refusal, formatDuration, visibleText } from '../../core/index.ts';
import type { ActionManifest, PolicyRuling } from '../../core/index.ts';
import { addCommand, addNoun } from '../command.ts';
import type { Context, Host } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import type { ExitCode } from '../exit-code.ts';
import { loadCommands } from '../local.ts';
import { readJson } from '../options.ts';
import { renderTable } from '../render/table.ts';

interface ExplainOptions {
  readonly action: string;
  readonly input: string;
  readonly agent?: string;
  readonly facts?: string;
}

const configFile = (): Option => new Option('--config <file>', 'the configuration; default: holdpoint.config.yaml here');

export function addPolicyCommands(program: Command, host: Host): void {
  const policy = addNoun(program, 'policy', 'Check, test and explain policies');
  addCommand<{ readonly config?: string }>(policy, host, {
    usage: 'check [dir]',
    summary: 'Check that policies parse, validate against the actions, and say what they may',
    remote: true,
    options: [configFile()],
    act: async (context, options, dir) =>
      asCheck(async () => {
        const { checkPolicies } = await loadCommands();
        const checked = await checkPolicies({ ...(await placeOf(context, options.config)), folder: dir });
        context.show(checked, () =>
          [
            `${checked.policies.length} policies in ${checked.folder} are right (set ${checked.hash.slice(0, 12)}).`,
            ...checked.unrepresented.map(({ action, path, why }) => visibleText(`  policies cannot see ${path} of ${action}: ${why}`)),
          ].join('\n'),
        );
        return EXIT.done;
      }),
  });
  addCommand<{ readonly config?: string }>(policy, host, {
    usage: 'test [dir]',
    summary: 'Run the examples (*.test.yaml) beside the policies',
    remote: true,
    options: [configFile()],
    act: async (context, options, dir) =>
      asCheck(async () => {
        const { testPolicyFolder } = await loadCommands();
        const tested = await testPolicyFolder({ ...(await placeOf(context, options.config)), folder: dir });
        const failed = tested.results.filter(({ passed }) => !passed);
        context.show(tested, () =>
          [
            renderTable(tested.results, [
              { title: '', value: ({ passed }) => (passed ? 'ok' : 'FAILED') },
              { title: 'EXAMPLE', value: ({ name }) => name },
              { title: 'GOT', value: ({ got }) => got },
              { title: 'WHY', value: ({ why }) => why ?? '' },
            ]),
            `\n${tested.results.length - failed.length} passed, ${failed.length} failed`,
          ].join('\n'),
        );
        return failed.length === 0 ? EXIT.done : EXIT.failed;
      }),
  });
  addCommand<ExplainOptions>(policy, host, {
    usage: 'explain',
    summary: 'Ask the server what its policies would say of a call, and why; nothing is recorded',
    remote: true,
    options: [
      new Option('--action <name>', 'the action').makeOptionMandatory(),
      new Option('--input <json|@file>', 'its input').makeOptionMandatory(),
      new Option('--agent <name>', 'the agent that asks'),
      new Option('--facts <json|@file>', 'its resolved facts'),
    ],
    act: async (context, { action, input, agent, facts }) => {
      const explained = await context.client().post<Explained>('/policies/explain', {
        action,
        input: readJson('--input', input, context.shell),
        ...(agent === undefined ? {} : { agent }),
        ...(facts === undefined ? {} : { facts: readJson('--facts', facts, context.shell) }),
      });
      context.show(explained, () => renderExplained(explained));
    },
  });
}

/** What `explain` answers, as far as it is printed; the server's own shape is `Explanation` of the policies. */
interface Explained {
  readonly call: { readonly agent: string; readonly action: string };
  readonly ruling: PolicyRuling;
  readonly considered: readonly string[];
  readonly undeclared?: readonly string[];
}

function renderExplained({ call, ruling, considered, undeclared = [] }: Explained): string {
  return [
    `${call.agent} asks for ${call.action}: ${verdict(ruling)}`,
    `considered: ${considered.join(', ') || 'no policy'}`,
    ...(undeclared.length === 0 ? [] : [`policies do not see ${undeclared.join(', ')}: the action does not declare it`]),
  ]
    .map((line) => visibleText(line))
    .join('\n');
}

function verdict(ruling: PolicyRuling): string {
  switch (ruling.kind) {
    case 'allow':
      return `allowed by ${ruling.policies.join(', ')}`;
    case 'deny':
      return `denied (${ruling.denial.code}): ${ruling.denial.message}`;
    case 'requires':
      return `held; ${ruling.requires.map((one) => `${one.quorum} of ${one.approvers} within ${formatDuration(one.deadline)}, since "${one.reason}" (${one.policy})`).join('; ')}`;
  }
}

/** A finding of a check is a failure (1), not a wrong use of the command (2). */
async function asCheck(check: () => Promise<ExitCode>): Promise<ExitCode> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof Refusal && Array.isArray(error.data['problems'])) {
      throw new Refusal('failed', error.code, error.message, {
        ...(error.hint === undefined ? {} : { hint: error.hint }),
        data: error.data,
        cause: error,
      });
    }
    throw error;
  }
}

/** Actions come from the configured worker; without one, from the server if it answers. */
async function placeOf(context: Context, file: string | undefined) {
  const { loadConfig } = await loadCommands();
  const config = loadConfig({ file, env: context.shell.env, cwd: context.shell.cwd });
  const published = config.worker === null ? await publishedActions(context) : null;
  return { config, cwd: context.shell.cwd, published };
}

async function publishedActions(context: Context): Promise<readonly ActionManifest[] | null> {
  try {
    return (await context.client().get<{ readonly items: readonly ActionManifest[] }>('/actions')).items;
  } catch (error) {
    if (error instanceof Refusal && error.kind === 'unreachable') return null;
    throw error;
  }
}
