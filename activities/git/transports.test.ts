import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { actionContext, resolveContext } from '../files/action-context.fixture.ts';
import { makeCertificate } from '../http/certificate.fixture.ts';
import type { GitOptions } from './options.ts';
import type { TestRepository } from './repository.fixture.ts';
import { makeRepository } from './repository.fixture.ts';

const main = { remote: 'origin', ref: 'refs/heads/main' };
const PASSWORD = 'Basic aHVudGVyMg==';

let repository: TestRepository;
let server: Server | undefined;
beforeEach(() => {
  repository = makeRepository();
});
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise<void>((done) => (server === undefined ? done() : server.close(() => done())));
  server = undefined;
  repository.remove();
});

/** The real `git http-backend` behind TLS; asks for a credential. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  if (request.headers.authorization !== PASSWORD) {
    response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
    return;
  }
  const { pathname, searchParams } = new URL(request.url ?? '', 'https://x');
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env['PATH'],
      GIT_PROJECT_ROOT: repository.base,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: pathname,
      REMOTE_USER: 'bot',
      QUERY_STRING: searchParams.toString(),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      ...(request.headers['content-length'] === undefined ? {} : { CONTENT_LENGTH: request.headers['content-length'] }),
      ...(request.headers['content-encoding'] === undefined ? {} : { HTTP_CONTENT_ENCODING: request.headers['content-encoding'] }),
    },
  });
  request.pipe(child.stdin);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.once('close', () => {
    const all = Buffer.concat(chunks);
    const end = all.indexOf('\r\n\r\n');
    for (const line of all.subarray(0, end).toString().split('\r\n')) {
      const [name = '', value = ''] = line.split(': ');
      if (name === 'Status') response.statusCode = Number(value.slice(0, 3));
      else response.setHeader(name, value);
    }
    response.end(all.subarray(end + 4));
  });
}

async function secureServer(handle: (request: IncomingMessage, response: ServerResponse) => void) {
  const { cert, key } = makeCertificate();
  const caFile = join(repository.base, 'ca.pem');
  writeFileSync(caFile, cert);
  server = createServer({ cert, key }, handle);
  await new Promise<void>((ready) => server?.listen(0, '127.0.0.1', ready));
  return { caFile, url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/remote.git` };
}

async function push(options: Partial<GitOptions>) {
  const git = repository.actions(options);
  const { facts } = await git.push.resolve!(main, resolveContext);
  return git.push.run(main, actionContext(facts));
}

describe('https', () => {
  it('pushes with the credential of the options, which no error repeats', async () => {
    const { caFile, url } = await secureServer(answer);
    const origin = (authorization: string) => ({ caFile, remotes: { origin: { url, authorization: () => authorization } } });
    expect(await push(origin(PASSWORD))).toMatchObject({ remoteUrl: url, pushed: true });
    expect(repository.remoteGit('rev-parse', 'main')).toBe(repository.git('rev-parse', 'HEAD'));
    const error = await push(origin('Basic d3Jvbmc=')).catch((caught: unknown) => caught as Error);
    expect((error as Error).message).toMatch(/^git ls-remote ended with 128: fatal: /);
    expect((error as Error).message).not.toContain('d3Jvbmc');
  });

  it('asks nobody for a credential, and believes no unknown certificate', async () => {
    const { caFile, url } = await secureServer(answer);
    await expect(push({ caFile, remotes: { origin: url } })).rejects.toThrow(
      /could not read Username|Authentication failed|terminal prompts disabled/,
    );
    await expect(push({ remotes: { origin: url } })).rejects.toThrow(/certificate|SSL/i);
  });

  it('follows no redirect, so that the credential goes nowhere else', async () => {
    const paths: string[] = [];
    const { caFile, url } = await secureServer((request, response) => {
      paths.push(request.url ?? '');
      response.writeHead(302, { location: '/elsewhere.git/info/refs?service=git-upload-pack' }).end();
    });
    await expect(push({ caFile, remotes: { origin: { url, authorization: () => PASSWORD } } })).rejects.toThrow(/git ls-remote ended/);
    expect(paths.filter((path) => !path.startsWith('/remote.git/'))).toEqual([]);
  });

  it('carries no credential over another protocol', async () => {
    const remotes = { origin: { url: repository.remote, authorization: () => PASSWORD } };
    await expect(push({ remotes })).rejects.toMatchObject({ code: 'git_option_invalid' });
  });
});

describe('ssh', () => {
  it('runs with our files and options only, quoted against the shell', async () => {
    const bin = join(repository.base, "it's bin");
    const seen = join(repository.base, 'seen');
    mkdirSync(bin);
    writeFileSync(join(bin, 'ssh'), `#!/bin/sh\nprintf '%s\\n' "$@" > '${seen}'\nenv > '${seen}.env'\nexit 1\n`);
    chmodSync(join(bin, 'ssh'), 0o755);
    repository.git('config', 'core.sshCommand', `touch ${join(repository.base, 'planted')}`);
    const identityFile = join(repository.base, "key'; touch planted #");
    const options = {
      ssh: { identityFile, knownHostsFile: join(repository.base, 'known hosts') },
      path: `${bin}:/usr/bin:/bin`,
      remotes: { origin: 'git@Git.Example.com:team/repo.git' },
    };
    await expect(push(options)).rejects.toThrow(/git ls-remote ended with 128/);
    const args = readFileSync(seen, 'utf8').trim().split('\n');
    expect(args.slice(0, 5)).toEqual(['-F', '/dev/null', '-a', '-x', '-T']);
    expect(args).toEqual(
      expect.arrayContaining([
        'BatchMode=yes',
        'StrictHostKeyChecking=yes',
        identityFile,
        `UserKnownHostsFile="${join(repository.base, 'known hosts')}"`,
        'git@git.example.com',
        "git-upload-pack '/team/repo.git'",
      ]),
    );
    const names = readFileSync(`${seen}.env`, 'utf8')
      .split('\n')
      .map((line) => line.split('=')[0]);
    expect(names).not.toContain('SSH_AUTH_SOCK');
    expect(existsSync(join(repository.base, 'planted'))).toBe(false);
    expect(existsSync(join(repository.workspace, 'planted'))).toBe(false);
  });

  it('is not allowed without its options', async () => {
    await expect(push({ remotes: { origin: 'git@git.example.com:team/repo.git' } })).rejects.toThrow(
      /protocol "ssh"; allowed here: file, https/,
    );
  });
});
