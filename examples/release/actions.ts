import { join } from 'node:path';
import { filesActions } from '../../activities/files/index.ts';
import { gitActions } from '../../activities/git/index.ts';

export interface ReleasePlace {
  /** The clone that the agent works in; absolute. */
  readonly repository: string;
  /** The bare repository beside it. */
  readonly remote: string;
  /** A folder for temporary git folders; absolute. */
  readonly scratch: string;
  /** Absolute folders that the agent must never reach. */
  readonly forbidden: readonly string[];
}

/** The actions of the release agent, on one repository. */
export function releaseActions({ repository, remote, scratch, forbidden }: ReleasePlace) {
  return {
    git: gitActions({
      workspace: repository,
      scratch: join(scratch, 'git'),
      author: { name: 'release-bot', email: 'release-bot@localhost' },
      remotes: { origin: `file://${remote}` },
      protocols: ['file'],
    }),
    files: filesActions({ root: repository, forbidden }),
  };
}

export type ReleaseActions = ReturnType<typeof releaseActions>;
