import { Option } from 'commander';
import type { Command } from 'commander';
import { visibleText } from '../../core/index.ts';
import { addCommand } from '../command.ts';
import type { Host } from '../command.ts';
import { examine } from '../doctor.ts';
import type { Finding } from '../doctor.ts';
import { EXIT } from '../exit-code.ts';

interface DoctorOptions {
  readonly config?: string;
  readonly server?: string;
  readonly token?: string;
}

export function addDoctor(program: Command, host: Host): void {
  addCommand<DoctorOptions>(program, host, {
    usage: 'doctor',
    summary: 'Say what is wrong with this installation, and what to do',
    remote: true,
    options: [new Option('--config <file>', 'the configuration; default: holdpoint.config.yaml here')],
    act: async (context, { config, server, token }) => {
      const findings = await examine({ shell: context.shell, choice: { server, token }, file: config });
      const healthy = findings.every(({ state }) => state !== 'wrong');
      context.show({ ok: healthy, findings }, () => renderFindings(findings));
      return healthy ? EXIT.done : EXIT.failed;
    },
  });
}

function renderFindings(findings: readonly Finding[]): string {
  const wrong = findings.filter(({ state }) => state === 'wrong').length;
  const lines = findings.flatMap(({ name, state, detail, hint }) => {
    const mark = { ok: 'ok   ', wrong: 'WRONG', skipped: '-    ' }[state];
    const texts = detail.split('\n').map((line) => visibleText(line));
    return [
      `${mark}  ${name.padEnd(13)}  ${texts.join('\n                      ')}`,
      ...(hint === null ? [] : [`                      ${visibleText(hint)}`]),
    ];
  });
  return [...lines, '', wrong === 0 ? 'Nothing is wrong.' : `${wrong} of ${findings.length} are wrong.`].join('\n');
}
