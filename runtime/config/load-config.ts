import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { Refusal, completeLimits, parseDuration, usd } from '../../core/index.ts';
import type { Admission, Mode, RunLimits } from '../../core/index.ts';
import { readEnvironment } from './environment.ts';
import type { Environment, Variables } from './environment.ts';
import { parseConfig } from './parse-config.ts';
import type { ConfigFile } from './schema.ts';

const CONFIG_FILE = 'holdpoint.config.yaml';

/** The configuration, whole: every path absolute, every default filled, money in micro-USD, time in milliseconds. */
export interface Config {
  /** The file that it came from; null = there is none, and everything is default. */
  readonly file: string | null;
  readonly people: Readonly<Record<string, { readonly name: string }>>;
  readonly groups: Readonly<Record<string, readonly string[]>>;
  /** Of runs whose agent has no mode of its own. */
  readonly mode: Mode;
  /** What becomes of runs that were started elsewhere and whose agent nobody has answered for; `observe` = they are watched. */
  readonly admission: Admission | 'observe';
  readonly limits: RunLimits;
  readonly agents: Readonly<Record<string, { readonly limits: RunLimits; readonly mode: Mode | null }>>;
  /** Folder; it need not exist. */
  readonly policies: string;
  readonly worker: WorkerConfig | null;
  readonly temporal: { readonly address: string | null; readonly namespace: string };
  readonly server: { readonly bind: string; readonly hosts: readonly string[] };
  /** Task queues whose workers have the gate. */
  readonly queues: readonly string[];
  readonly ungoverned: readonly string[];
  readonly environment: Environment;
}

export interface WorkerConfig {
  readonly actions: string;
  readonly workflows: string;
  readonly taskQueue: string;
}

export interface ConfigSource {
  /** Named by `--config`; it must exist. Default: `holdpoint.config.yaml` in `cwd`, where there is one. */
  readonly file?: string | undefined;
  readonly env: Variables;
  readonly cwd: string;
}

/**
 * Throws `Refusal`: `config_missing`, `environment_invalid`, or the problem of the file; where there are several,
 * `config_invalid` with each as a line of the message and all of them in `data.problems`.
 */
export function loadConfig(source: ConfigSource): Config {
  const environment = readEnvironment(source.env, source.cwd);
  const file = findFile(source);
  if (file === null) return complete({}, null, source.cwd, environment);
  const parsed = parseConfig(readFileSync(file, 'utf8'), relative(source.cwd, file) || file);
  if ('problems' in parsed) throw together(parsed.problems);
  return complete(parsed.file, file, dirname(file), environment);
}

function findFile({ file, cwd }: ConfigSource): string | null {
  const path = resolve(cwd, file ?? CONFIG_FILE);
  if (existsSync(path)) return path;
  if (file === undefined) return null;
  throw new Refusal('not_found', 'config_missing', `--config names a file that exists; got ${JSON.stringify(file)}.`);
}

function together(problems: readonly Refusal[]): Refusal {
  const [first] = problems;
  if (problems.length === 1 && first) return first;
  const lines = problems.map((problem) => `${problem.message}${problem.hint === undefined ? '' : ` ${problem.hint}`}`);
  return new Refusal('invalid', 'config_invalid', `The configuration has ${problems.length} problems.\n${lines.join('\n')}`, {
    hint: 'Correct each, then run: holdpoint config check',
    data: { problems: problems.map(({ code, message, hint }) => ({ code, message, hint: hint ?? null })) },
  });
}

function complete(config: ConfigFile, file: string | null, folder: string, environment: Environment): Config {
  const path = (value: string): string => resolve(folder, value);
  const limits = limitsOf(config.limits);
  const worker =
    config.worker === undefined
      ? null
      : {
          actions: path(config.worker.actions),
          workflows: path(config.worker.workflows),
          taskQueue: config.worker.taskQueue ?? 'holdpoint',
        };
  return {
    file,
    people: mapped(config.people, (id, person) => ({ name: person?.name ?? id })),
    groups: config.groups ?? {},
    mode: config.mode ?? 'enforce',
    admission: config.admission ?? 'hold',
    limits,
    agents: mapped(config.agents, (_name, agent) => ({ limits: limitsOf(agent?.limits, limits), mode: agent?.mode ?? null })),
    policies: path(config.policies ?? join(folder, 'policies')),
    worker,
    temporal: {
      address: environment.temporalAddress ?? config.temporal?.address ?? null,
      namespace: config.temporal?.namespace ?? 'default',
    },
    server: { bind: config.server?.bind ?? '127.0.0.1', hosts: config.server?.hosts ?? [] },
    queues: [...new Set([worker?.taskQueue ?? 'holdpoint', ...(config.queues ?? [])])],
    ungoverned: config.ungoverned ?? [],
    environment,
  };
}

/** The mode of a run that Holdpoint starts. */
export function modeOf(config: Pick<Config, 'mode' | 'agents'>, agent: string): Mode {
  return config.agents[agent]?.mode ?? config.mode;
}

/** How a run of this agent comes in that was started elsewhere. */
export function adoptionTerms(config: Pick<Config, 'mode' | 'agents' | 'admission' | 'limits'>, agent: string) {
  const { admission } = config;
  const own = config.agents[agent];
  return {
    mode: own?.mode ?? (admission === 'observe' ? 'observe' : config.mode),
    admission: admission === 'observe' ? 'hold' : admission,
    limits: own?.limits ?? config.limits,
  } as const;
}

function limitsOf(stated: ConfigFile['limits'] = {}, base?: RunLimits): RunLimits {
  return completeLimits(
    {
      ...stated,
      spend: stated.spend === undefined ? undefined : usd(stated.spend),
      time: stated.time === undefined ? undefined : parseDuration(stated.time),
    },
    base,
  );
}

function mapped<In, Out>(record: Readonly<Record<string, In>> | undefined, change: (key: string, value: In) => Out): Record<string, Out> {
  return Object.fromEntries(Object.entries(record ?? {}).map(([key, value]) => [key, change(key, value)]));
}
