import { z } from 'zod';
import { Refusal, visibleText } from '../../core/index.ts';
import { defineAction } from '../define-action.ts';
import { pushableRef, remoteName, shortName } from './git-names.ts';
import { nothingYet } from './nothing-yet.ts';
import type { GitSettings } from './options.ts';
import { pushEvidence } from './push-evidence.ts';
import type { ResolvedRemote } from './remote.ts';
import { remoteRef, resolveRemote } from './remote.ts';
import type { RefTarget, Repository } from './repository.ts';
import { readRef, withRepository } from './repository.ts';
import type { GitOutput } from './run-git.ts';

const facts = z.strictObject({
  /** Normalised: the very URL that is pushed to. */
  remoteUrl: z.string(),
  ref: z.string(),
  /** What the remote's ref will hold: an annotated tag's own id, or a commit's. */
  objectId: z.string(),
  commit: z.string(),
  /** What the push replaces at the remote; absent where there is nothing, or this very object already. */
  oldRef: z.string().optional(),
});
type PushFacts = z.output<typeof facts>;

export function pushAction(settings: GitSettings) {
  return defineAction({
    summary: 'Push one tag or branch to a remote',
    input: z.strictObject({ remote: remoteName, ref: pushableRef }),
    output: z.strictObject({ remoteUrl: z.string(), ref: z.string(), objectId: z.string(), commit: z.string(), pushed: z.boolean() }),
    annotations: { readOnly: false, destructive: false, idempotent: true, openWorld: true },
    title: ({ remote, ref }) => `${shortName(ref)} → ${remote}`,
    facts,
    resolve: ({ remote: name, ref }, { signal }) =>
      withRepository(settings, signal, async (repository) => {
        const local = await readRef(repository, ref);
        if (local === null) throw new Refusal('not_found', 'git_ref_unknown', `There is no ${ref} that leads to a commit.`);
        const remote = await resolveRemote(settings, repository, name);
        const old = await remoteRef(repository, remote, ref);
        const oldRef = old === null || old === local.objectId ? null : old;
        if (oldRef !== null) await refuseReplacing(repository, local, oldRef);
        return {
          facts: { remoteUrl: remote.url, ref, objectId: local.objectId, commit: local.commit, ...(oldRef === null ? {} : { oldRef }) },
          evidence: await pushEvidence(repository, local, oldRef),
        };
      }),
    run: ({ remote: name, ref }, { facts: known, signal }) =>
      withRepository(settings, signal, async (repository) => {
        const { remote, now } = await nothingYet(async () => {
          const found = await resolveRemote(settings, repository, name);
          if (found.url !== known.remoteUrl || ref !== known.ref) {
            throw new Refusal('conflict', 'git_changed', `The remote "${name}" has another URL than when the call was judged.`);
          }
          return { remote: found, now: await remoteRef(repository, found, ref) };
        });
        const pushed = now !== known.objectId;
        if (pushed) await pushObject(repository, remote, known, now);
        return { remoteUrl: known.remoteUrl, ref, objectId: known.objectId, commit: known.commit, pushed };
      }),
  });
}

/** A tag is never moved, and a branch only forward. */
async function refuseReplacing(repository: Repository, local: RefTarget, oldRef: string): Promise<void> {
  const name = shortName(local.ref);
  if (local.ref.startsWith('refs/tags/')) {
    throw new Refusal('refused', 'git_tag_exists', `The remote has a tag ${name} already, with the id ${oldRef}.`, {
      hint: 'Choose another name.',
    });
  }
  const { code } = await repository.git(['merge-base', '--is-ancestor', oldRef, local.commit], { codes: [0, 1, 128] });
  if (code !== 0) {
    throw new Refusal('refused', 'git_not_fast_forward', `The remote's ${name} is at ${oldRef}, which the local one does not contain.`, {
      hint: 'Fetch and merge it first.',
    });
  }
}

async function pushObject(repository: Repository, remote: ResolvedRemote, known: PushFacts, now: string | null): Promise<void> {
  const { ref, objectId, oldRef } = known;
  if (now !== (oldRef ?? null)) {
    throw new Refusal(
      'conflict',
      'git_remote_moved',
      `The remote's ${shortName(ref)} is ${now ?? 'gone'}, not ${oldRef ?? 'new'} as when the call was judged.`,
    );
  }
  const args = [
    'push',
    '--porcelain',
    '--no-verify',
    '--no-signed',
    '--no-follow-tags',
    '--recurse-submodules=no',
    // The lease is checked where the ref is: whoever comes first wins, and an empty one says that there must be none.
    `--force-with-lease=${ref}:${oldRef ?? ''}`,
    '--end-of-options',
    remote.url,
    `${objectId}:${ref}`,
  ];
  const failure = await repository.git(args, { env: remote.credential(), codes: [0, 1] }).then(rejection, (error: Error) => error);
  // Asked again, whatever git says: a lost connection may hide a push that arrived.
  const there = await remoteRef(repository, remote, ref).catch(() => null);
  if (there === objectId) return;
  if (failure !== null) throw failure;
  throw new Refusal('failed', 'git_push_rejected', `The remote has ${there ?? 'nothing'} as ${shortName(ref)} after the push.`);
}

/** What the remote said of the one ref, in git's porcelain lines: flag, refs, reason. */
function rejection({ code, stdout }: GitOutput): Refusal | null {
  if (code === 0) return null;
  const said =
    stdout
      .split('\n')
      .find((line) => line.startsWith('!'))
      ?.split('\t')[2] ?? `git push ended with ${code}`;
  return new Refusal('failed', 'git_push_rejected', `The remote did not take the push: ${visibleText(said.slice(0, 200))}.`);
}
