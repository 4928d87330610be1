/** A commit as `git.log` gives it. */
export interface Commit {
  readonly hash: string;
  readonly subject: string;
  readonly body: string;
}

const GROUPS = ['Breaking', 'Added', 'Fixed', 'Changed'] as const;
export type Group = (typeof GROUPS)[number];

const CONVENTIONAL = /^(?<type>[a-z]+)(?:\([^)]*\))?(?<breaking>!)?: (?<text>.+)$/;
const TYPES: Readonly<Record<string, Group>> = { feat: 'Added', fix: 'Fixed', revert: 'Fixed' };
/** What plain English subjects begin with. */
const VERBS: Readonly<Record<string, Group>> = {
  add: 'Added',
  introduce: 'Added',
  let: 'Added',
  allow: 'Added',
  fix: 'Fixed',
  correct: 'Fixed',
  repair: 'Fixed',
};

/** Commits by what they mean to a reader, in the order of `GROUPS`; empty groups are left out. */
export function groupCommits(commits: readonly Commit[]): readonly { readonly group: Group; readonly commits: readonly Commit[] }[] {
  return GROUPS.map((group) => ({ group, commits: commits.filter((commit) => groupOf(commit) === group) })).filter(
    (one) => one.commits.length > 0,
  );
}

function groupOf({ subject, body }: Commit): Group {
  const match = CONVENTIONAL.exec(subject);
  if (match?.groups?.['breaking'] !== undefined || /^BREAKING[ -]CHANGE:/m.test(body)) return 'Breaking';
  const type = match?.groups?.['type'];
  if (type !== undefined) return TYPES[type] ?? 'Changed';
  return VERBS[subject.split(' ')[0]?.toLowerCase() ?? ''] ?? 'Changed';
}

/** The next version after a tag `vX.Y.Z`, by semantic versioning: what breaks raises the first number, what is new the second. */
export function nextVersion(tag: string | null, commits: readonly Commit[]): string {
  const match = /^v?(\d+)\.(\d+)\.(\d+)/.exec(tag ?? '');
  if (!match) return '0.1.0';
  const [major, minor, patch] = match.slice(1).map(Number) as [number, number, number];
  const groups = new Set(commits.map(groupOf));
  if (groups.has('Breaking')) return major === 0 ? `0.${minor + 1}.0` : `${major + 1}.0.0`;
  return groups.has('Added') ? `${major}.${minor + 1}.0` : `${major}.${minor}.${patch + 1}`;
}

/** The changelog with an entry for the new version above the earlier ones. */
export function withEntry(changelog: string, version: string, commits: readonly Commit[]): string {
  const entry = [
    `## ${version}`,
    '',
    ...groupCommits(commits).flatMap(({ group, commits: grouped }) => [
      `### ${group}`,
      '',
      ...grouped.map(({ subject, hash }) => `- ${textOf(subject)} (${hash.slice(0, 9)})`),
      '',
    ]),
  ].join('\n');
  const earlier = changelog.search(/^## /m);
  const head = earlier < 0 ? changelog.trimEnd() || '# Changelog' : changelog.slice(0, earlier).trimEnd();
  const rest = earlier < 0 ? '' : `\n${changelog.slice(earlier)}`;
  return `${head}\n\n${entry}${rest}`;
}

function textOf(subject: string): string {
  return CONVENTIONAL.exec(subject)?.groups?.['text'] ?? subject;
}
