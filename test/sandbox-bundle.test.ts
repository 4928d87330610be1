import { join } from 'node:path';
import { bundleWorkflowCode } from '@temporalio/worker';
import { beforeAll, describe, expect, test } from 'vitest';
import { WAITING_ROOM_MARKER } from '../core/index.ts';

const ROOT = join(import.meta.dirname, '..');
/** What the SDK itself brings along, and the one package that core/ may use. */
const PACKAGES = ['@temporalio/common', '@temporalio/workflow', 'canonicalize', 'long', 'ms', 'nexus-rpc'];
/** The SDK's place for a data converter of the user's, empty here. */
const PLACEHOLDER = /^\?[0-9a-f]+$/;
/** Webpack names every module that it bundles: by its path from the root. */
const MODULE = /^\/\*\*\*\/ "([^"]+)"/gm;

let code: string;
let modules: readonly string[];

beforeAll(async () => {
  const quiet = () => {};
  const bundle = await bundleWorkflowCode({
    workflowsPath: join(ROOT, 'workflows/index.ts'),
    workflowInterceptorModules: [join(ROOT, 'workflows/waiting-room.ts')],
    logger: { log: quiet, trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet },
  });
  code = bundle.code;
  modules = [...code.matchAll(MODULE)].flatMap(([, name]) => name ?? []).filter((name) => !PLACEHOLDER.test(name));
}, 60_000);

describe('the bundle of workflows/', () => {
  test('has the waiting room, as its marker shows', () => {
    expect(modules).toContain('./workflows/waiting-room.ts');
    expect(code).toContain(WAITING_ROOM_MARKER);
  });

  test('has no package but those of the sandbox: no zod, no crypto, nothing of Node', () => {
    const packages = modules.map((name) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(name)?.[1] ?? name);
    expect([...new Set(packages)].filter((name) => !PACKAGES.includes(name) && !/^\.\/(core|workflows)\//.test(name))).toEqual([]);
  });
});
