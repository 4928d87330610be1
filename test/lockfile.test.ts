import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

interface Locked {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly optional?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const text = readFileSync(join(import.meta.dirname, '../package-lock.json'), 'utf8');
const { packages } = JSON.parse(text) as { readonly packages: Readonly<Record<string, Locked>> };
const all = Object.entries(packages).filter(([path]) => path !== '');

describe('package-lock.json', () => {
  test('names no registry, so that each machine uses its own', () => {
    expect(all.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
    expect(text).not.toMatch(/https?:\/\/[^"\s]*\.tgz/);
  });

  // npm drops those that it cannot fetch, and then `npm ci` fails on a fresh clone, on every platform.
  test('has the packages of every platform, also of those that this machine cannot use', () => {
    const wanted = all.flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).map((name) => ({ path, name })),
    );
    expect(wanted.filter(({ path, name }) => !packages[`${path}/node_modules/${name}`] && !packages[`node_modules/${name}`])).toEqual([]);
  });

  test('pins each package by version, and each that is always installed by checksum', () => {
    expect(all.filter(([, { version }]) => version === undefined)).toEqual([]);
    expect(all.filter(([, { integrity, optional }]) => integrity === undefined && optional !== true)).toEqual([]);
  });
});
