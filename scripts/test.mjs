import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepare } from './prepare.mjs';

const root = prepare();
const selection = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'holdpoint-test-'));
const report = join(folder, 'report.json');
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
const run = spawnSync(process.execPath, [vitest, 'run', '--allowOnly=false', ...reporters, ...selection], { cwd: root, stdio: 'inherit' });

const results = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : undefined;
rmSync(folder, { recursive: true, force: true });
const passed = results?.numPassedTests ?? 0;
const skipped = (results?.numPendingTests ?? 0) + (results?.numTodoTests ?? 0);
// A file that cannot be loaded, or a hook that throws, fails without failing any test.
const broken = results?.testResults.filter((file) => file.status === 'failed' && !file.assertionResults.some(isFailed)).length ?? 0;
const failed = (results?.numFailedTests ?? 0) + broken;
const ok = run.status === 0 && passed > 0 && failed === 0 && (skipped === 0 || selection.length > 0);
if (!ok && failed === 0) console.log(verdict());
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = ok ? 0 : 1;

function isFailed(test) {
  return test.status === 'failed';
}

function verdict() {
  if (run.status !== 0)
    return `Failed although no test did: vitest ended with ${run.signal ?? `exit ${run.status}`}; its output above says why.`;
  return passed === 0 ? 'Failed: no test ran.' : 'Failed: a whole run may skip nothing.';
}
