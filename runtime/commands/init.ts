import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Refusal } from '../../core/index.ts';
import { writeProject } from './init-files.ts';
import type { FoundActivity } from './init-files.ts';

export interface InitOptions {
  /** Module of the project's activities, as built; default: the first of the usual places. */
  readonly activities?: string | undefined;
  /** Module of its workflows; default: the same. */
  readonly workflows?: string | undefined;
  readonly taskQueue?: string | undefined;
  /** Writes nothing. */
  readonly dryRun: boolean;
  readonly cwd: string;
}

export interface Initialised {
  readonly activities: readonly FoundActivity[];
  /** Paths relative to the project, with what stands in them; written unless it was a dry run. */
  readonly files: readonly { readonly path: string; readonly text: string }[];
  /** What remains to be done by hand, for people. */
  readonly worker: string;
}

const FOLDERS = ['dist', 'dist/src', 'build', 'lib', 'src', '.'];
const ENDINGS = ['.js', '.mjs', '.cjs', '/index.js'];

/**
 * Reads the activities of an existing project and writes a first configuration, their declaration and policies, all in
 * observe and all to be reviewed. Throws `Refusal` `activities_missing`, `activities_unreadable`, `no_activities` and
 * `file_exists`; then nothing is written.
 */
export async function initProject(options: InitOptions): Promise<Initialised> {
  const { cwd, dryRun } = options;
  const activities = find('activities', options.activities, cwd);
  if (activities === null) throw missing();
  const workflows = find('workflows', options.workflows, cwd);
  const found = await readActivities(activities);
  const path = (file: string): string => `./${relative(cwd, file).replaceAll('\\', '/')}`;
  const written = writeProject({
    activities: path(activities),
    workflows: workflows === null ? './dist/workflows.js' : path(workflows),
    taskQueue: options.taskQueue ?? 'holdpoint',
    found,
  });
  const taken = written.files.filter((file) => existsSync(join(cwd, file.path))).map((file) => file.path);
  if (taken.length > 0) {
    throw new Refusal(
      'conflict',
      'file_exists',
      `holdpoint init overwrites nothing, and these files are there already: ${taken.join(', ')}.`,
      {
        hint: 'Move them away, or look at what would be written: holdpoint init --dry-run',
        data: { files: taken },
      },
    );
  }
  if (!dryRun) {
    for (const file of written.files) {
      mkdirSync(dirname(join(cwd, file.path)), { recursive: true });
      writeFileSync(join(cwd, file.path), file.text);
    }
  }
  return { activities: found, ...written };
}

function find(what: string, named: string | undefined, cwd: string): string | null {
  if (named !== undefined) {
    const file = resolve(cwd, named);
    if (existsSync(file)) return file;
    throw new Refusal('not_found', 'activities_missing', `--${what} names a file that exists; got ${JSON.stringify(named)}.`, {
      hint: 'Name the built module, such as dist/activities.js.',
    });
  }
  const places = FOLDERS.flatMap((folder) => ENDINGS.map((ending) => join(cwd, folder, `${what}${ending}`)));
  return places.find((place) => existsSync(place)) ?? null;
}

function missing(): Refusal {
  return new Refusal('not_found', 'activities_missing', `No activities were found in ${FOLDERS.join(', ')}.`, {
    hint: 'Build the project, and name the module: holdpoint init --activities dist/activities.js',
  });
}

async function readActivities(file: string): Promise<readonly FoundActivity[]> {
  const module = await import(pathToFileURL(file).href).catch((cause: unknown) => {
    throw new Refusal(
      'invalid',
      'activities_unreadable',
      `${file} could not be loaded: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        hint: 'Build the project first, and name what was built.',
        cause,
      },
    );
  });
  const { default: whole, 'module.exports': _, ...named } = module as Record<string, unknown>;
  const exports =
    Object.keys(named).length === 0 && typeof whole === 'object' && whole !== null ? (whole as Record<string, unknown>) : named;
  const found = Object.entries(exports).flatMap(([name, value]) =>
    typeof value === 'function' && !/^class\s/.test(String(value)) ? [{ name, parameters: parametersOf(value as () => unknown) }] : [],
  );
  if (found.length > 0) return found.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  throw new Refusal('invalid', 'no_activities', `${file} exports no functions, so there is nothing to declare.`, {
    hint: 'Name the module whose functions are the activities. Those that a factory makes are declared by hand: docs/adopting.md.',
  });
}

/** The names in its parameter list; null where one has none, as when it is taken apart. */
function parametersOf(activity: () => unknown): readonly string[] | null {
  const list = /^(?:async\s+)?(?:function\s*\*?\s*[\w$]*\s*|[\w$]+\s*)?\(([^)]*)\)/.exec(String(activity))?.[1];
  if (list === undefined) return null;
  const names = list
    .split(',')
    .map((one) => one.split('=')[0]?.trim() ?? '')
    .filter((one) => one !== '');
  return names.every((one) => /^[A-Za-z_$][\w$]*$/.test(one)) ? names : null;
}
