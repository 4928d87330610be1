import { Option } from 'commander';
import type { Command } from 'commander';
import { Refusal } from '../../core/index.ts';
import type { ActionManifest, TokenView } from '../../core/index.ts';
import { addCommand, addNoun } from '../command.ts';
import type { Context, Host } from '../command.ts';
import { loadCommands } from '../local.ts';
import { renderActions, renderTokens } from '../render/lists.ts';

interface CreateOptions {
  readonly person?: string;
  readonly agent?: string;
  readonly name?: string;
  readonly direct?: boolean;
  readonly config?: string;
}

export function addActionCommands(program: Command, host: Host): void {
  const action = addNoun(program, 'action', 'See what agents can do');
  addCommand(action, host, {
    usage: 'list',
    summary: 'List the actions that workers have published',
    remote: true,
    act: async (context) => {
      const { items } = await context.client().get<{ readonly items: readonly ActionManifest[] }>('/actions');
      context.show(items, () => renderActions(items));
    },
  });
}

export function addTokenCommands(program: Command, host: Host): void {
  const token = addNoun(program, 'token', 'Make, list and revoke tokens');
  addCommand<CreateOptions>(token, host, {
    usage: 'create',
    summary: 'Make a token for yourself, or, as an operator, for an agent; it is shown once',
    remote: true,
    options: [
      new Option('--person <id>', 'for a person'),
      new Option('--agent <name>', 'for an agent: it starts runs and reads, and never decides'),
      new Option('--name <text>', 'what it is for'),
      new Option('--direct', 'write it into the ledger of DATABASE_URL: for the first token of a person'),
      new Option('--config <file>', 'with --direct: the configuration'),
    ],
    act: async (context, options) => {
      if ((options.person === undefined) === (options.agent === undefined)) {
        throw new Refusal('invalid', 'option_invalid', 'token create takes either --person or --agent.', {
          hint: 'holdpoint token create --person ID',
        });
      }
      const made = await create(context, options);
      context.show(
        made,
        () => `${made.token}\n\nToken ${made.id} of ${made.principal}. It is not shown again; pass it as HOLDPOINT_TOKEN.`,
      );
    },
  });
  addCommand(token, host, {
    usage: 'list',
    summary: 'List tokens, without their secrets',
    remote: true,
    act: async (context) => {
      const { items } = await context.client().get<{ readonly items: readonly TokenView[] }>('/tokens');
      context.show(items, () => renderTokens(items, context.shell.now()));
    },
  });
  addCommand(token, host, {
    usage: 'revoke <id>',
    summary: 'Revoke a token: it stops working at once',
    remote: true,
    act: async (context, _options, id = '') => {
      const revoked = await context.client().remove<TokenView>(`/tokens/${encodeURIComponent(id)}`);
      context.show(revoked, () => `Revoked: token ${revoked.id} of ${revoked.principal}.`);
    },
  });
}

async function create(
  context: Context,
  { person, agent, name, direct, config: file }: CreateOptions,
): Promise<TokenView & { readonly token: string }> {
  if (direct !== true) return context.client().post('/tokens', { person, agent, name });
  const { issueToken, loadConfig } = await loadCommands();
  return issueToken(loadConfig({ file, env: context.shell.env, cwd: context.shell.cwd }), { person, agent, name });
}
