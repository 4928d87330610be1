import type { GitSettings } from './options.ts';

/** Settings of a repository that say how its files lie on this disk, and can run nothing; all others are unread. */
export interface DiskSettings {
  readonly filemode?: boolean;
  readonly symlinks?: boolean;
  readonly ignorecase?: boolean;
  readonly precomposeunicode?: boolean;
  readonly autocrlf?: 'true' | 'false' | 'input';
  readonly eol?: 'lf' | 'crlf' | 'native';
}

export interface OwnPlace {
  /** Our git folder, of one operation. */
  readonly gitDir: string;
  /** An empty folder: hooks and home. */
  readonly empty: string;
  readonly temporary: string;
}

/** The only configuration that git reads. */
export function ownConfiguration({ empty }: OwnPlace, settings: GitSettings, disk: DiskSettings): string {
  const lines: readonly (readonly [string, Readonly<Record<string, string | boolean | number>>])[] = [
    [
      'core',
      {
        repositoryformatversion: 0,
        bare: false,
        ...disk,
        hooksPath: empty,
        fsmonitor: false,
        untrackedCache: false,
        splitIndex: false,
        logAllRefUpdates: false,
        pager: 'cat',
        editor: 'false',
        askPass: '',
        sshCommand: sshCommand(settings),
        attributesFile: '/dev/null',
        protectNTFS: true,
        protectHFS: true,
        quotePath: false,
      },
    ],
    ['credential', { helper: '' }],
    ['gc', { auto: 0 }],
    ['maintenance', { auto: false }],
    ['http', { followRedirects: false, sslVerify: true, ...(settings.caFile === undefined ? {} : { sslCAInfo: settings.caFile }) }],
    ['push', { recurseSubmodules: 'no', followTags: false, gpgSign: false, useForceIfIncludes: false }],
    ['submodule', { recurse: false }],
    ['status', { submoduleSummary: false, showStash: false }],
    ['diff', { ignoreSubmodules: 'all', external: '', renames: false, suppressBlankEmpty: false }],
    ['log', { showSignature: false, mailmap: false, showRoot: true }],
    ['commit', { gpgSign: false }],
    ['tag', { gpgSign: false, forceSignAnnotated: false }],
    ['i18n', { logOutputEncoding: 'UTF-8', commitEncoding: 'UTF-8' }],
    ['versionsort', { suffix: '-' }],
    ['advice', { detachedHead: false }],
  ];
  return lines.map(([section, entries]) => `[${section}]\n${Object.entries(entries).map(assign).join('')}`).join('');
}

function assign([name, value]: readonly [string, string | boolean | number]): string {
  return `\t${name} = "${String(value).replace(/["\\]/g, '\\$&')}"\n`;
}

/** Everything that git finds in its environment: nothing is inherited. */
export function ownEnvironment(
  place: OwnPlace,
  settings: GitSettings,
  repository: { workspace: string; gitDir: string },
): Record<string, string> {
  const { name, email } = settings.author;
  return {
    PATH: settings.path,
    HOME: place.empty,
    XDG_CONFIG_HOME: place.empty,
    TMPDIR: place.temporary,
    LC_ALL: 'C',
    GIT_DIR: place.gitDir,
    GIT_WORK_TREE: repository.workspace,
    GIT_OBJECT_DIRECTORY: `${repository.gitDir}/objects`,
    GIT_INDEX_FILE: `${repository.gitDir}/index`,
    GIT_CEILING_DIRECTORIES: repository.workspace,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_SYSTEM: '/dev/null',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_NO_LAZY_FETCH: '1',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_LITERAL_PATHSPECS: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '',
    SSH_ASKPASS: '',
    GIT_PAGER: 'cat',
    GIT_EDITOR: 'false',
    GIT_SEQUENCE_EDITOR: 'false',
    GIT_ALLOW_PROTOCOL: settings.protocols.join(':'),
    GIT_PROTOCOL_FROM_USER: '0',
    GIT_SSH_COMMAND: sshCommand(settings),
    GIT_SSH_VARIANT: 'ssh',
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: email,
    GIT_COMMITTER_NAME: name,
    GIT_COMMITTER_EMAIL: email,
  };
}

/** git hands this to a shell, so that each path is quoted. Without `ssh` it fails, although the protocol is not allowed anyway. */
function sshCommand({ ssh }: GitSettings): string {
  if (ssh === undefined) return 'false';
  const set = (name: string, value: string) => `-o ${quote(`${name}=${value}`)}`;
  return [
    'ssh -F /dev/null -a -x -T',
    set('BatchMode', 'yes'),
    set('StrictHostKeyChecking', 'yes'),
    set('IdentitiesOnly', 'yes'),
    set('IdentityAgent', 'none'),
    set('PermitLocalCommand', 'no'),
    set('ConnectTimeout', '10'),
    // ssh splits and unquotes these two values once more.
    set('UserKnownHostsFile', `"${ssh.knownHostsFile}"`),
    set('GlobalKnownHostsFile', '/dev/null'),
    `-i ${quote(ssh.identityFile)}`,
  ].join(' ');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
