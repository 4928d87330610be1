import { Command } from 'commander';
import { addActionCommands, addTokenCommands } from './commands/action-and-token.ts';
import { addAgentCommands, addReport } from './commands/agent-and-report.ts';
import { addAuditCommands, addConfigCommands } from './commands/config-and-audit.ts';
import { addDoctor } from './commands/doctor.ts';
import { addHoldCommands } from './commands/hold.ts';
import { addInit } from './commands/init.ts';
import { addInstallationCommands } from './commands/installation.ts';
import { addPolicyCommands } from './commands/policy.ts';
import { addRunCommands } from './commands/run.ts';
import type { Host } from './command.ts';

/** Every command; commander throws instead of ending the process. */
export function buildProgram(host: Host, version: string): Command {
  const program = new Command('holdpoint')
    .description('Supervises AI agents: one gate for every effect, people in the loop, limits that hold.')
    .version(version)
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => host.shell.print(text.trimEnd()),
      writeErr: (text) => host.shell.complain(text.trimEnd()),
      outputError: () => undefined,
    });
  addInstallationCommands(program, host);
  addInit(program, host);
  addDoctor(program, host);
  addReport(program, host);
  addRunCommands(program, host);
  addHoldCommands(program, host);
  addPolicyCommands(program, host);
  addAgentCommands(program, host);
  addActionCommands(program, host);
  addTokenCommands(program, host);
  addConfigCommands(program, host);
  addAuditCommands(program, host);
  return program;
}
