import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Refusal } from '../../core/index.ts';
import { checkOneSdk } from './one-sdk.ts';

let folder: string;
let module: string;
const NAMES = ['activity', 'client', 'common', 'worker', 'workflow'];

function install(below: string, names: readonly string[], version: string): void {
  for (const name of names) {
    const place = join(folder, below, 'node_modules/@temporalio', name);
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'package.json'), JSON.stringify({ name: `@temporalio/${name}`, version, main: 'index.js' }));
    writeFileSync(join(place, 'index.js'), '');
  }
}

// A folder each: Node.js remembers where it found a package.
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdpoint-sdk-'));
  module = pathToFileURL(join(folder, 'index.js')).href;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the SDK of a project', () => {
  it('is taken where it is one', () => {
    install('', NAMES, '1.20.1');
    expect(() => checkOneSdk(module)).not.toThrow();
  });

  // What npm does where a project lists the worker alone: the latest of the range beside it, the worker's own below it.
  it("is refused where the worker's is another than ours", () => {
    install('', NAMES, '1.24.0');
    install('', ['worker'], '1.16.3');
    install('node_modules/@temporalio/worker', ['activity', 'client', 'common', 'workflow'], '1.16.3');
    expect(() => checkOneSdk(module)).toThrow(Refusal);
    expect(() => checkOneSdk(module)).toThrow('@temporalio/common 1.24.0, @temporalio/common 1.16.3, @temporalio/worker 1.16.3');
  });

  it('is refused where one package lags behind', () => {
    install('', NAMES, '1.24.0');
    install('', ['workflow'], '1.23.0');
    expect(() => checkOneSdk(module)).toThrow(expect.objectContaining({ code: 'temporal_sdk_mixed' }));
  });

  it('is one in this checkout', () => {
    expect(() => checkOneSdk(import.meta.url)).not.toThrow();
  });
});
