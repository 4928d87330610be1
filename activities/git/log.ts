import { z } from 'zod';
import { Refusal } from '../../core/index.ts';
import { defineAction } from '../define-action.ts';
import { revision } from './git-names.ts';
import type { GitSettings } from './options.ts';
import type { Repository } from './repository.ts';
import { commitOf, withRepository } from './repository.ts';

const BODY_MAX = 4_000;
const FIELDS = 6;

export interface LogEntry {
  readonly hash: string;
  readonly subject: string;
  readonly body: string;
  readonly author: string;
  readonly email: string;
  /** ISO 8601, of the author. */
  readonly date: string;
}

export function logAction(settings: GitSettings) {
  return defineAction({
    summary: 'List commits, newest first',
    input: z.strictObject({
      since: revision.optional().describe('Commits that this one does not have; absent = all.'),
      until: revision.optional().describe('Default: HEAD.'),
      max: z.int().min(1).max(1_000).optional().describe('Default: 200.'),
    }),
    output: z.strictObject({
      commits: z.array(
        z.strictObject({
          hash: z.string(),
          subject: z.string(),
          body: z.string(),
          author: z.string(),
          email: z.string(),
          date: z.string(),
        }),
      ),
      truncated: z.boolean(),
    }),
    annotations: { readOnly: true, destructive: false, idempotent: true, openWorld: false },
    title: ({ since, until = 'HEAD' }) => `Commits ${since === undefined ? '' : `since ${since} `}up to ${until}`,
    run: ({ since, until = 'HEAD', max = 200 }, { signal }) =>
      withRepository(settings, signal, async (repository) => {
        const to = await commitOf(repository, until);
        if (to === null && until === 'HEAD' && since === undefined) return { commits: [], truncated: false };
        const from = since === undefined ? null : await knownCommit(repository, since);
        if (to === null) throw unknownRevision(until);
        const commits = await readLog(repository, from === null ? to : `${from}..${to}`, max + 1);
        return { commits: commits.slice(0, max), truncated: commits.length > max };
      }),
  });
}

/** Throws `Refusal` `git_revision_unknown`. */
export async function knownCommit(repository: Repository, text: string): Promise<string> {
  const commit = await commitOf(repository, text);
  if (commit === null) throw unknownRevision(text);
  return commit;
}

/** `range` consists of object ids. */
export async function readLog(repository: Repository, range: string, max: number): Promise<LogEntry[]> {
  const format = '--format=tformat:%H%x00%an%x00%ae%x00%aI%x00%s%x00%b';
  const { stdout } = await repository.git([
    'log',
    '-z',
    `--max-count=${max}`,
    '--no-color',
    '--no-show-signature',
    format,
    '--end-of-options',
    range,
    '--',
  ]);
  const fields = stdout.split('\0');
  const entries: LogEntry[] = [];
  for (let at = 0; at + FIELDS <= fields.length; at += FIELDS) {
    const [hash = '', author = '', email = '', date = '', subject = '', body = ''] = fields.slice(at, at + FIELDS);
    entries.push({ hash, subject, body: body.trimEnd().slice(0, BODY_MAX), author, email, date });
  }
  return entries;
}

function unknownRevision(text: string): Refusal {
  return new Refusal('not_found', 'git_revision_unknown', `"${text}" is no commit of this repository.`);
}
