import { BlockList, isIPv4 } from 'node:net';
import { Refusal } from '../../core/index.ts';
import { isPublic, plainAddress } from './address.ts';

/** Where a request would go. */
export interface Destination {
  /** As the URL names it: a host name or an address, in lower case. */
  readonly host: string;
  readonly port: number;
  readonly address: string;
}

export interface AllowList {
  /** Whether the entries name this destination, public or not. */
  lists(destination: Destination): boolean;
  /** Whether a request may go there: public, or listed. `own` are this machine's addresses. */
  admits(destination: Destination, own: readonly string[]): boolean;
}

type Entry = (destination: Destination) => boolean;

/**
 * Entries: `127.0.0.1`, `10.1.0.0/16`, `[fd00::1]:8080`, `wiki.internal`, `wiki.internal:8080`. A port narrows an entry; a name covers
 * whatever address it resolves to. Throws `Refusal` `http_option_invalid`.
 */
export function parseAllowList(entries: readonly string[]): AllowList {
  const parsed = entries.map(parseEntry);
  const lists = (destination: Destination) => parsed.some((entry) => entry(destination));
  return { lists, admits: (destination, own) => isPublic(destination.address, own) || lists(destination) };
}

function parseEntry(text: string): Entry {
  const subnet = /^\[?([0-9a-f.:]+)\]?\/(\d{1,3})$/i.exec(text);
  if (subnet !== null) return inSubnet(text, subnet[1] ?? '', Number(subnet[2]));
  const [, name = '', port] = /^(\[[^\]]+\]|[^:]+|[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*)(?::(\d{1,5}))?$/i.exec(text) ?? refuse(text);
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) refuse(text);
  const samePort = (destination: Destination) => port === undefined || Number(port) === destination.port;
  const address = plainAddress(name);
  if (address !== null) return (destination) => samePort(destination) && plainAddress(destination.address) === address;
  if (!/^[a-z0-9](?:[a-z0-9_.-]*[a-z0-9])?$/i.test(name) || /^[\d.]+$/.test(name)) refuse(text);
  return (destination) => samePort(destination) && destination.host === name.toLowerCase();
}

function inSubnet(text: string, net: string, bits: number): Entry {
  const address = plainAddress(net);
  const list = new BlockList();
  try {
    list.addSubnet(address ?? refuse(text), bits, familyOf(address ?? ''));
  } catch {
    refuse(text);
  }
  return (destination) => {
    const plain = plainAddress(destination.address);
    return plain !== null && familyOf(plain) === familyOf(address ?? '') && list.check(plain, familyOf(plain));
  };
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6';
}

function refuse(text: string): never {
  throw new Refusal(
    'invalid',
    'http_option_invalid',
    `"allow" has addresses, networks ("10.1.0.0/16") and host names, each but a network with or without a port; got ${JSON.stringify(text)}.`,
  );
}
