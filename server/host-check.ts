import type { RequestHandler } from 'express';
import { Refusal } from '../core/index.ts';

const LOOPBACK: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];

/**
 * Refuses requests under another host name than loopback's or the configured ones: a page of a foreign
 * origin whose name was re-bound to 127.0.0.1 must not reach the API.
 */
export function hostCheck(hosts: readonly string[]): RequestHandler {
  const allowed = new Set([...LOOPBACK, ...hosts.map((host) => host.toLowerCase())]);
  return function checkHost(request, _response, next) {
    const host = hostName(request.headers.host ?? '');
    if (allowed.has(host)) return next();
    throw new Refusal(
      'refused',
      'host_not_allowed',
      `The Host header names an address of this server; got ${JSON.stringify(host.slice(0, 100))}.`,
      {
        hint: 'Use 127.0.0.1, or list the name under server.hosts in holdpoint.config.yaml.',
      },
    );
  };
}

function hostName(header: string): string {
  return header.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '');
}
