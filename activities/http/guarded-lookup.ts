import { lookup } from 'node:dns';
import { isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import { Refusal } from '../../core/index.ts';
import { plainAddress } from './address.ts';
import type { HttpSettings } from './options.ts';

/** Throws `Refusal` `http_address_refused` where a request to this address may not go. */
function checkAddress(settings: HttpSettings, url: URL, address: string): void {
  const { host, port } = hostOf(url);
  if (settings.allow.admits({ host, port, address }, settings.ownAddresses())) return;
  const plain = plainAddress(address) ?? address;
  const named = host === plain ? plain : `${host} (${plain})`;
  throw new Refusal('refused', 'http_address_refused', `${named} is not on the public internet, and "allow" does not list it.`, {
    hint: `Add "${host}:${port}" to "allow" of httpActions where agents may reach it.`,
  });
}

/** Whether the destination is one that the options list, whatever it resolves to. */
export function isListed(settings: HttpSettings, url: URL): boolean {
  const { host, port } = hostOf(url);
  return settings.allow.lists({ host, port, address: host });
}

/** An address in the URL itself is never looked up, so that it is checked before. */
export function checkLiteral(settings: HttpSettings, url: URL): void {
  const { host } = hostOf(url);
  if (isIP(host) !== 0) checkAddress(settings, url, host);
}

/** The lookup of the connection itself: what it answers is what is connected to, so that a name cannot change in between. */
export function guardedLookup(settings: HttpSettings, url: URL): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error !== null || first === undefined) {
        callback(error ?? new Error(`${hostname} has no address`), '', 0);
        return;
      }
      try {
        // All of them: a name that mixes public and private addresses is an attempt to get past this check.
        for (const { address } of addresses) checkAddress(settings, url, address);
      } catch (refusal) {
        callback(refusal as Refusal, '', 0);
        return;
      }
      if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

function hostOf(url: URL): { readonly host: string; readonly port: number } {
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, ''), port };
}
