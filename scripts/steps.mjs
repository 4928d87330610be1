import { spawnSync } from 'node:child_process';

/** Runs a command with our standard streams and ends the process, naming the step, where it fails. */
export function must(step, command, args, options = {}) {
  const done = spawnSync(command, args, { stdio: 'inherit', ...options });
  if (done.status !== 0) fail(`${step} failed (${describe(done)}): ${[command, ...args].join(' ')}`);
}

/** One line for people, on standard error, so that `--json` output stays clean. */
export function say(line) {
  process.stderr.write(`holdpoint: ${line}\n`);
}

export function fail(line) {
  say(line);
  process.exit(1);
}

function describe({ status, signal, error }) {
  if (error) return error.message;
  return signal ? `signal ${signal}` : `exit ${status}`;
}
