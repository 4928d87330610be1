import type { Evidence } from '../define-action.ts';
import { PLAIN_DIFF } from './diff.ts';
import { evidence } from './evidence.ts';
import { shortName } from './git-names.ts';
import { readLog } from './log.ts';
import type { RefTarget, Repository } from './repository.ts';
import { commitOf } from './repository.ts';

const COMMITS_MAX = 50;

/** What an approver wants to see of a push: the tag's text, the commits since what is there or since the last tag, and what they change. */
export async function pushEvidence(repository: Repository, local: RefTarget, oldRef: string | null): Promise<readonly Evidence[]> {
  const base = oldRef === null ? await earlierTag(repository, local) : { commit: oldRef, name: oldRef.slice(0, 10) };
  const range = base === null ? local.commit : `${base.commit}..${local.commit}`;
  const commits = await readLog(repository, range, COMMITS_MAX + 1);
  const lines = commits.slice(0, COMMITS_MAX).map(({ hash, subject, author }) => `${hash.slice(0, 10)} ${subject} (${author})`);
  const count = commits.length > COMMITS_MAX ? `More than ${COMMITS_MAX}` : `${commits.length}`;
  const since = base === null ? 'in all' : `since ${base.name}`;
  return [
    ...(await tagText(repository, local)),
    evidence(`${count} ${commits.length === 1 ? 'commit' : 'commits'} ${since}`, lines.join('\n'), commits.length > COMMITS_MAX),
    ...(base === null ? [] : [await changes(repository, base, local.commit)]),
  ];
}

async function earlierTag(repository: Repository, { commit }: RefTarget): Promise<{ commit: string; name: string } | null> {
  const parent = await commitOf(repository, `${commit}^`);
  if (parent === null) return null;
  const { code, stdout } = await repository.git(['describe', '--tags', '--abbrev=0', parent], { codes: [0, 128] });
  if (code !== 0) return null;
  const name = stdout.trim();
  const tagged = await commitOf(repository, `refs/tags/${name}`);
  return tagged === null ? null : { commit: tagged, name };
}

async function changes(repository: Repository, base: { commit: string; name: string }, to: string): Promise<Evidence> {
  const args = ['diff', '--stat=100,80,40', ...PLAIN_DIFF, '--end-of-options', base.commit, to, '--'];
  const { stdout, truncated } = await repository.git(args, { limit: 16_384 });
  return evidence(`Files changed since ${base.name}`, stdout, truncated);
}

async function tagText(repository: Repository, local: RefTarget): Promise<readonly Evidence[]> {
  if (!local.annotated) return [];
  const { stdout, truncated } = await repository.git(['cat-file', 'tag', local.objectId], { limit: 16_384 });
  return [evidence(`Text of the tag ${shortName(local.ref)}`, stdout.slice(stdout.indexOf('\n\n') + 2), truncated)];
}
