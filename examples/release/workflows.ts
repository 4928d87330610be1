import { denialOf, proxyActions } from '../../workflows/index.ts';
import type { ReleaseActions } from './actions.ts';
import { nextVersion, withEntry } from './compose-release.ts';

const { git, files } = proxyActions<ReleaseActions>();

export interface ReleaseResult {
  readonly released: boolean;
  readonly version: string | null;
  /** What became of it, for people. No model takes part: the text is composed from the commits. */
  readonly story: string;
}

/** Reads the log since the last tag, writes version and changelog, commits, tags, and asks to push the tag. */
export async function release(): Promise<ReleaseResult> {
  const { tag: last } = await git.latestTag({ prefix: 'v' });
  const { commits } = await git.log(last === null ? {} : { since: last.commit });
  if (commits.length === 0)
    return { released: false, version: null, story: `Nothing was committed since ${last?.name ?? 'the beginning'}.` };

  const version = nextVersion(last?.name ?? null, commits);
  const { entries } = await files.list({});
  const changelog = entries.some(({ name }) => name === 'CHANGELOG.md') ? (await files.read({ path: 'CHANGELOG.md' })).text : '';
  await files.write({ path: 'CHANGELOG.md', content: withEntry(changelog, version, commits) });
  await files.write({ path: 'VERSION', content: `${version}\n` });
  const { commit } = await git.commit({ paths: ['CHANGELOG.md', 'VERSION'], message: `Release ${version}` });
  const tag = await git.tag({ name: `v${version}`, commit, message: `Release ${version}, ${commits.length} commits` });
  try {
    await git.push({ remote: 'origin', ref: tag.ref });
  } catch (error) {
    const denial = denialOf(error);
    if (denial === null) throw error;
    return { released: false, version, story: `${tag.name} was not pushed. ${denial.message}` };
  }
  return { released: true, version, story: `${tag.name} is at origin, with ${commits.length} commits.` };
}
