import { Refusal } from '../../core/index.ts';
import type { GitSettings } from './options.ts';
import { normaliseRemoteUrl } from './remote-url.ts';
import type { Repository } from './repository.ts';

export interface ResolvedRemote {
  /** Normalised. */
  readonly url: string;
  /** Environment that carries the remote's credential to git; empty where it has none. */
  credential(): Readonly<Record<string, string>>;
}

/** The remote of that name: as the options state it, or else as the repository's configuration does. Throws `Refusal`. */
export async function resolveRemote(settings: GitSettings, repository: Repository, name: string): Promise<ResolvedRemote> {
  const named = Object.hasOwn(settings.remotes, name) ? settings.remotes[name] : undefined;
  const { url: text, authorization } =
    typeof named === 'object' ? named : { url: named ?? configuredUrl(repository, name), authorization: undefined };
  const url = await normaliseRemoteUrl(text, { protocols: settings.protocols, workspace: repository.workspace });
  if (authorization !== undefined && !url.startsWith('https:')) {
    throw new Refusal(
      'invalid',
      'git_option_invalid',
      `The remote "${name}" has an authorization, which only https can carry; got ${url}.`,
    );
  }
  return { url, credential: () => (authorization === undefined ? {} : header(url, authorization())) };
}

function configuredUrl({ configuration }: Repository, name: string): string {
  const values = (key: string) => configuration.filter(([found]) => found === `remote.${name}.${key}`).map(([, value]) => value ?? '');
  const [urls, pushUrls] = [values('url'), values('pushurl')];
  const hint = 'Name the remote in "remotes" of gitActions.';
  if (pushUrls.length > 0) {
    throw new Refusal('refused', 'git_remote_ambiguous', `The remote "${name}" has a "pushurl" of its own, which is not read.`, { hint });
  }
  if (urls.length > 1) throw new Refusal('refused', 'git_remote_ambiguous', `The remote "${name}" has ${urls.length} URLs.`, { hint });
  const [url] = urls;
  if (url === undefined) throw new Refusal('not_found', 'git_remote_unknown', `There is no remote "${name}".`, { hint });
  return url;
}

/** By environment, since arguments are visible to everyone on the machine. git sends it to this URL alone. */
function header(url: string, value: string): Readonly<Record<string, string>> {
  if (!/^[\x20-\x7e]+$/.test(value)) throw new Refusal('invalid', 'git_option_invalid', 'An authorization is one line of ASCII text.');
  return { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: `http.${url}.extraHeader`, GIT_CONFIG_VALUE_0: `Authorization: ${value}` };
}

/** What the remote has under a ref now; null = nothing. */
export async function remoteRef(repository: Repository, remote: ResolvedRemote, ref: string): Promise<string | null> {
  const { stdout } = await repository.git(['ls-remote', '--end-of-options', remote.url, ref], { env: remote.credential() });
  // The pattern matches the end of names; `refs/x/refs/tags/v1` is another ref.
  const line = stdout.split('\n').find((text) => text.slice(41) === ref);
  return line === undefined ? null : line.slice(0, 40);
}
