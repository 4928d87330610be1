import { commitAction } from './commit.ts';
import { diffAction } from './diff.ts';
import { latestTagAction } from './latest-tag.ts';
import { logAction } from './log.ts';
import type { GitOptions } from './options.ts';
import { completeOptions } from './options.ts';
import { pushAction } from './push.ts';
import { statusAction } from './status.ts';
import { tagAction } from './tag.ts';

/**
 * Actions on one repository by the real git, in an environment and with a configuration of our own: nothing that the repository, its
 * owner or the system has configured runs. Throws `Refusal` `git_option_invalid`.
 */
export function gitActions(options: GitOptions) {
  const settings = completeOptions(options);
  return {
    log: logAction(settings),
    latestTag: latestTagAction(settings),
    status: statusAction(settings),
    diff: diffAction(settings),
    commit: commitAction(settings),
    tag: tagAction(settings),
    push: pushAction(settings),
  };
}
