import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Refusal } from '../core/index.ts';
import type { AgentView } from '../core/index.ts';
import { createClient } from './client.ts';
import { findServer, homeOf } from './find-server.ts';
import type { ServerChoice } from './find-server.ts';
import { loadCommands } from './local.ts';
import type { Shell } from './shell.ts';

export interface Finding {
  readonly name: string;
  /** `skipped` = there is nothing to look at. */
  readonly state: 'ok' | 'wrong' | 'skipped';
  readonly detail: string;
  readonly hint: string | null;
}

type Told = Pick<Finding, 'state' | 'detail'>;

interface Checkup {
  readonly shell: Shell;
  readonly choice: ServerChoice;
  readonly file: string | undefined;
}

const NEEDED_NODE = [20, 19] as const;

/** Looks at every part, whatever the others say. */
export async function examine(checkup: Checkup): Promise<readonly Finding[]> {
  const checks: readonly (readonly [string, () => Promise<Told>])[] = [
    ['Node.js', nodeVersion],
    ['git', gitVersion],
    ['configuration', () => configuration(checkup)],
    ['policies', () => policies(checkup)],
    ['observe', () => observing(checkup)],
    ['token', () => tokenFile(checkup)],
    ['server', () => server(checkup)],
    ['ledger', () => ledger(checkup)],
    ['Temporal', () => temporal(checkup)],
  ];
  return Promise.all(checks.map(([name, check]) => look(name, check)));
}

async function look(name: string, check: () => Promise<Told>): Promise<Finding> {
  try {
    return { name, hint: null, ...(await check()) };
  } catch (error) {
    if (error instanceof Refusal) return { name, state: 'wrong', detail: error.message, hint: error.hint ?? null };
    return { name, state: 'wrong', detail: error instanceof Error ? error.message : String(error), hint: null };
  }
}

function ok(detail: string): Told {
  return { state: 'ok', detail };
}

function wrong(code: string, message: string, hint: string): Refusal {
  return new Refusal('failed', code, message, { hint });
}

async function nodeVersion(): Promise<Told> {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [needed, least] = NEEDED_NODE;
  if (major > needed || (major === needed && minor >= least)) return ok(process.versions.node);
  throw wrong('node_old', `Node.js must be at least ${needed}.${least}; got ${process.versions.node}.`, 'Install a newer Node.js.');
}

async function gitVersion(): Promise<Told> {
  try {
    const { stdout } = await promisify(execFile)('git', ['--version']);
    return ok(stdout.trim().replace('git version ', ''));
  } catch {
    throw wrong('git_missing', 'git cannot be run.', 'Install git; the release agent and the git actions need it.');
  }
}

async function load({ shell, file }: Checkup) {
  const { loadConfig } = await loadCommands();
  return loadConfig({ file, env: shell.env, cwd: shell.cwd });
}

async function configuration(checkup: Checkup): Promise<Told> {
  const config = await load(checkup);
  if (config.file === null) return { state: 'skipped', detail: 'there is no holdpoint.config.yaml here; "holdpoint up" needs none' };
  return ok(config.file);
}

async function policies(checkup: Checkup): Promise<Told> {
  const config = await load(checkup);
  if (config.file === null) return { state: 'skipped', detail: 'without a configuration, "holdpoint up" uses those of its example' };
  if (config.worker === null)
    return { state: 'skipped', detail: 'the configuration names no worker; run "holdpoint policy check" while a server is up' };
  const { checkPolicies } = await loadCommands();
  const checked = await checkPolicies({ config, cwd: checkup.shell.cwd, published: null });
  return ok(`${checked.policies.length} in ${checked.folder}`);
}

/** Everything that is in observe: it is watched, and nothing of it is held back. */
async function observing(checkup: Checkup): Promise<Told> {
  const config = await load(checkup).catch(() => null);
  if (config === null) return { state: 'skipped', detail: 'not known while the configuration is wrong' };
  const { mode, admission, agents, worker, file } = config;
  const named = Object.entries(agents);
  const observed = named.filter(([, agent]) => agent.mode === 'observe').map(([name]) => `agent ${name}`);
  const { checkPolicies } = await loadCommands();
  const folder =
    file === null || worker === null ? null : await checkPolicies({ config, cwd: checkup.shell.cwd, published: null }).catch(() => null);
  const all = [
    ...(mode === 'observe' ? ['the whole installation (mode: observe)'] : []),
    ...(admission === 'observe' ? ['runs that were started elsewhere (admission: observe)'] : []),
    ...observed,
    ...(folder?.policies ?? []).filter(({ annotations }) => annotations['mode'] === 'observe').map(({ id }) => `policy ${id}`),
    ...(await runsInObserve(checkup)),
  ];
  if (all.length === 0) return ok('nothing; everything that is governed is enforced');
  return ok(`in observe, so that nothing of it is held back:\n${all.join('\n')}`);
}

/** From the server, where one answers: runs keep the mode with which they began. */
async function runsInObserve({ shell, choice }: Checkup): Promise<readonly string[]> {
  try {
    const { items } = await createClient(findServer(choice, shell)).get<{ readonly items: readonly AgentView[] }>('/agents');
    return items.filter(({ observed }) => observed > 0).map(({ agent, observed }) => `${observed} open runs of ${agent}`);
  } catch (error) {
    if (error instanceof Refusal) return [];
    throw error;
  }
}

/** The token of the local person is as good as their signature. */
async function tokenFile({ shell }: Checkup): Promise<Told> {
  const file = join(homeOf(shell), 'token');
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) return { state: 'skipped', detail: `no ${file}; "holdpoint up" writes it` };
  const mode = stat.mode & 0o777;
  if ((mode & 0o077) === 0) return ok(`${file}, mode ${mode.toString(8)}`);
  throw wrong(
    'token_exposed',
    `${file} can be read by others (mode ${mode.toString(8)}): they could decide in your name.`,
    `chmod 600 ${file}`,
  );
}

interface Health {
  readonly version: string;
  readonly ledger: 'ok' | 'away';
  readonly temporal: 'ok' | 'away';
}

async function health({ shell, choice }: Checkup): Promise<Health & { readonly url: string }> {
  const found = findServer(choice, shell);
  return { ...(await createClient(found).get<Health>('/health')), url: found.url };
}

const UNKNOWN: Told = { state: 'skipped', detail: 'not known while no server answers' };

async function healthOrNull(checkup: Checkup): Promise<Health | null> {
  try {
    return await health(checkup);
  } catch (error) {
    if (error instanceof Refusal && error.kind === 'unreachable') return null;
    throw error;
  }
}

async function server(checkup: Checkup): Promise<Told> {
  const { url, version } = await health(checkup);
  const found = findServer(checkup.choice, checkup.shell);
  if (found.token === null) {
    throw wrong(
      'token_missing',
      `The server at ${url} answers, but no token is at hand.`,
      'Set HOLDPOINT_TOKEN, or run "holdpoint up" here.',
    );
  }
  // Health needs no token; this does.
  await createClient(found).get('/runs', { limit: 1 });
  return ok(`${url}, version ${version}`);
}

async function ledger(checkup: Checkup): Promise<Told> {
  const { databaseUrl } = (await load(checkup)).environment;
  if (databaseUrl !== null) {
    await (await loadCommands()).reachLedger(databaseUrl);
    return ok('the database of DATABASE_URL answers and has been migrated');
  }
  const said = await healthOrNull(checkup);
  if (said === null) return UNKNOWN;
  if (said.ledger === 'ok') return ok('the server reaches it');
  throw wrong('ledger_away', 'The server does not reach its ledger.', 'Check the database; the log of the server says more.');
}

async function temporal(checkup: Checkup): Promise<Told> {
  const { address } = (await load(checkup)).temporal;
  if (address !== null) {
    await (await loadCommands()).reachTemporal(address);
    return ok(`${address} answers`);
  }
  const said = await healthOrNull(checkup);
  if (said === null) return UNKNOWN;
  if (said.temporal === 'ok') return ok('the server reaches it');
  throw wrong('temporal_away', 'The server does not reach Temporal.', 'Start Temporal, or restart "holdpoint up".');
}
