import { Option } from 'commander';
import type { Command } from 'commander';
import type { AgentView, ReportView } from '../../core/index.ts';
import { addCommand, addNoun } from '../command.ts';
import type { Host } from '../command.ts';
import { timeOption } from '../options.ts';
import { renderAgents, renderReport } from '../render/report.ts';

export function addReport(program: Command, host: Host): void {
  addCommand<{ readonly since?: number; readonly agent?: string }>(program, host, {
    usage: 'report',
    summary: 'Say what would have been held, denied or stopped, of what passed in observe',
    remote: true,
    options: [
      timeOption('--since <duration>', 'how far back, such as 24h or 7d; default: 7d'),
      new Option('--agent <name>', 'one agent only'),
    ],
    act: async (context, { since, agent }) => {
      const report = await context.client().get<ReportView>('/report', {
        ...(since === undefined ? {} : { since: Math.max(0, context.shell.now() - since) }),
        ...(agent === undefined ? {} : { agent }),
      });
      context.show(report, () => renderReport(report, context.shell.now()));
    },
  });
}

export function addAgentCommands(program: Command, host: Host): void {
  const agents = addNoun(program, 'agent', 'See which agents there are, and whether they may act');
  addCommand(agents, host, {
    usage: 'list',
    summary: 'List agents with their runs, and what was answered for those that were started elsewhere',
    remote: true,
    act: async (context) => {
      const { items } = await context.client().get<{ readonly items: readonly AgentView[] }>('/agents');
      context.show(items, () => renderAgents(items, context.shell.now()));
    },
  });
  addCommand<{ readonly reason: string }>(agents, host, {
    usage: 'revoke <agent>',
    summary: 'Take back the answer for an agent: its next call that was started elsewhere asks again',
    remote: true,
    options: [new Option('--reason <text>', 'why').makeOptionMandatory()],
    act: async (context, { reason }, agent = '') => {
      const revoked = await context.client().post<{ readonly agent: string }>(`/agents/${encodeURIComponent(agent)}/revoke`, { reason });
      context.show(revoked, () => `Revoked: nobody answers for ${revoked.agent} any more.`);
    },
  });
}
