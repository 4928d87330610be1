import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { machine } from './figure.ts';
import type { Figure } from './figure.ts';

interface Results {
  readonly machine: ReturnType<typeof machine>;
  readonly versions: Readonly<Record<string, string>>;
  readonly figures: readonly (Figure & { readonly measuredAt: string })[];
}

/** Writes figures into `test/bench/results/latest.json`, each with its time, in place of earlier ones of the same name. */
export function keepFigures(root: string, measured: readonly Figure[]): void {
  const file = join(root, 'test/bench/results/latest.json');
  const { version, dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    version: string;
    dependencies: Readonly<Record<string, string>>;
  };
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Results).figures : [];
  const names = new Set(measured.map(({ name }) => name));
  const measuredAt = new Date().toISOString();
  const results: Results = {
    machine: machine(),
    versions: { holdpoint: version, temporalSdk: dependencies['@temporalio/worker'] ?? '', temporalCli: '1.9.1' },
    figures: [...before.filter(({ name }) => !names.has(name)), ...measured.map((figure) => ({ ...figure, measuredAt }))],
  };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
}
