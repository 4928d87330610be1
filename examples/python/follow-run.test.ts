import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { HoldView } from '../../core/index.ts';
import { Installation, PATIENCE, eventually, freePort } from '../../test/main-job/installation.ts';
import type { Ended, Variables } from '../../test/main-job/installation.ts';
import { makeProject } from '../../test/main-job/mail-project.ts';

vi.setConfig({ testTimeout: 2 * PATIENCE, hookTimeout: 2 * PATIENCE });

let place: Installation;
let project: string;
let token: string;

beforeAll(async () => {
  place = await Installation.create();
  project = makeProject(join(place.folder, 'project'));
  await place.up([], {}, project).said(/is ready at/);
  token = (await place.json<{ readonly token: string }>('token', 'create', '--agent', 'clerk')).token;
});
afterAll(async () => {
  await place?.remove();
}, PATIENCE);

/** The script as a machine runs it, with its own token. */
function follow(args: readonly string[], variables: Variables = {}): { readonly ended: Promise<Ended> } {
  const { PATH = '' } = process.env;
  const env = { PATH, HOLDPOINT_URL: `http://127.0.0.1:${place.port}`, HOLDPOINT_TOKEN: token, ...variables };
  const child = spawn('python3', [join(import.meta.dirname, 'follow_run.py'), ...args], { env });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  return { ended: new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err }))) };
}

const letter = (to: string) => follow(['letter', '--input', JSON.stringify({ to })]);
const held = () => eventually(async () => (await place.json<readonly HoldView[]>('hold', 'list'))[0]);

describe('the Python client', () => {
  it('starts a run, tells of its hold, and of its end when a person has approved', async () => {
    const { ended } = letter('ada@example.com');
    const { id } = await held();
    await place.json('hold', 'approve', id);
    const { code, out, err } = await ended;
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^run-\w+ (running|held), 1 of 100 steps$/m);
    expect(out).toContain(`  ${id} asks 1 of managers: Letter to ada@example.com (A letter leaves the house)\n`);
    expect(out).toContain(`  ${id} granted by person:ada\n`);
    expect(out).toMatch(/\n {2}\/1 mail\.draft succeeded\n {2}\/2 mail\.send succeeded\nRun run-\w+ succeeded\n$/);
  });

  it('tells of a denial', async () => {
    const { ended } = letter('ben@example.com');
    const { id } = await held();
    await place.json('hold', 'deny', id, '--note', 'not him');
    const { out } = await ended;
    expect(out).toContain(`  ${id} denied by person:ada\n`);
    expect(out).not.toContain('mail.send succeeded');
  });

  it('says what the server refuses, and that it is away', async () => {
    const refused = await follow(['letter'], { HOLDPOINT_TOKEN: 'nobody' }).ended;
    expect(refused).toMatchObject({ code: 1, out: '', err: expect.stringContaining('[token_unknown]') });
    const away = await follow(['letter'], { HOLDPOINT_URL: `http://127.0.0.1:${await freePort()}` }).ended;
    expect(away).toMatchObject({ code: 5, out: '', err: expect.stringContaining('does not answer') });
    expect(await follow(['letter', '--input', '{']).ended).toMatchObject({ code: 2, out: '' });
  });
});
