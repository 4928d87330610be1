#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { runCli } from './run-cli.ts';
import type { Shell } from './shell.ts';

// A reader that went away (`holdpoint run list | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

/** Milliseconds. */
const EXIT_WITHIN = 1_000;

const shell: Shell = {
  env: process.env,
  cwd: process.cwd(),
  print: (text) => void process.stdout.write(`${text}\n`),
  complain: (text) => void process.stderr.write(`${text}\n`),
  now: Date.now,
  pause: (millis) => pause(millis),
  stopped() {
    const controller = new AbortController();
    const stop = (): void => controller.abort();
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
    return controller.signal;
  },
  // Whoever came by npm has no `holdpoint` on the PATH.
  program: process.env['npm_command'] === undefined ? 'holdpoint' : 'npx holdpoint',
};

process.exitCode = await runCli(process.argv.slice(2), shell, version());
// Everything is done and told by now. A native handle that a library left open must not keep the process.
setTimeout(() => process.exit(), EXIT_WITHIN).unref();

/** From package.json, one folder up in the sources and two in the build. */
function version(): string {
  for (const up of ['../package.json', '../../package.json']) {
    try {
      const { name, version: stated } = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as {
        readonly name?: string;
        readonly version?: string;
      };
      if (name === 'holdpoint' && stated !== undefined) return stated;
    } catch {
      continue;
    }
  }
  return 'unknown';
}
