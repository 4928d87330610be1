import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Refusal } from '../../core/index.ts';

/** The packages of the SDK that a project shares with us; each asks for the others in its own exact version. */
const SHARED = ['activity', 'client', 'common', 'worker', 'workflow'].map((name) => `@temporalio/${name}`);

/** Throws `Refusal` `temporal_sdk_mixed` where the worker's SDK and ours are of several versions: `from` is the URL of a module of ours. */
export function checkOneSdk(from: string): void {
  const ours = createRequire(from);
  const workers = createRequire(ours.resolve('@temporalio/worker'));
  const found = SHARED.flatMap((name) =>
    [...new Set([versionOf(ours, name), versionOf(workers, name)])].map((version) => ({ name, version })),
  );
  if (new Set(found.map(({ version }) => version)).size === 1) return;
  const list = found.map(({ name, version }) => `${name} ${version}`).join(', ');
  throw new Refusal('refused', 'temporal_sdk_mixed', `The packages of Temporal's SDK are of several versions: ${list}.`, {
    hint: `List ${SHARED.join(', ')} in your package.json, all at one version, and install again.`,
  });
}

function versionOf(require: NodeJS.Require, name: string): string {
  return (JSON.parse(readFileSync(require.resolve(`${name}/package.json`), 'utf8')) as { readonly version: string }).version;
}
