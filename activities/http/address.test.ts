import { describe, expect, it } from 'vitest';
import { isPublic, plainAddress } from './address.ts';
import { parseAllowList } from './allow-list.ts';

describe('an address', () => {
  it.each(['8.8.8.8', '1.1.1.1', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2a00:1450:4001::1', '::ffff:8.8.8.8'])(
    '%s is public',
    (address) => {
      expect(isPublic(address, [])).toBe(true);
    },
  );

  it.each([
    '0.0.0.0',
    '0.1.2.3',
    '10.0.0.1',
    '100.64.0.1',
    '127.0.0.1',
    '127.9.9.9',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '192.0.0.1',
    '198.18.0.1',
    '203.0.113.9',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    'fe80::1',
    'fe80::1%eth0',
    'fc00::1',
    'fd00:ec2::254',
    'ff02::1',
    '2001:db8::1',
    '2001::1',
    '2002:7f00:1::',
    '64:ff9b::7f00:1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '0:0:0:0:0:ffff:a9fe:a9fe',
    '::127.0.0.1',
    '5f00::1',
    'localhost',
    '',
  ])('%s is not', (address) => {
    expect(isPublic(address, [])).toBe(false);
  });

  it('of this machine is not public, in any spelling', () => {
    expect(isPublic('8.8.8.8', ['8.8.8.8'])).toBe(false);
    expect(isPublic('::ffff:808:808', ['8.8.8.8'])).toBe(false);
    expect(isPublic('2606:4700:0:0::1', ['2606:4700::1'])).toBe(false);
  });

  it('has one spelling', () => {
    expect(plainAddress('[2606:4700:0000::0001]')).toBe('2606:4700::1');
    expect(plainAddress('::FFFF:7F00:0001')).toBe('127.0.0.1');
    expect(plainAddress('fe80::1%eth0')).toBe('fe80::1');
    expect(plainAddress('2130706433')).toBeNull();
  });
});

describe('the list of what is allowed', () => {
  const lists = (entry: string, host: string, port: number, address = host) => parseAllowList([entry]).lists({ host, port, address });

  it('has addresses, with a port or any', () => {
    expect(lists('127.0.0.1', 'x.example', 80, '127.0.0.1')).toBe(true);
    expect(lists('127.0.0.1:8080', '127.0.0.1', 8080)).toBe(true);
    expect(lists('127.0.0.1:8080', '127.0.0.1', 8081)).toBe(false);
    expect(lists('127.0.0.1', '127.0.0.2', 80)).toBe(false);
    expect(lists('[::1]:7000', '::1', 7000)).toBe(true);
    expect(lists('::1', '::1', 7000)).toBe(true);
    expect(lists('127.0.0.1', 'x', 80, '::ffff:127.0.0.1')).toBe(true);
  });

  it('has networks', () => {
    expect(lists('10.1.0.0/16', 'x', 80, '10.1.2.3')).toBe(true);
    expect(lists('10.1.0.0/16', 'x', 80, '10.2.0.1')).toBe(false);
    expect(lists('fd00::/8', 'x', 80, 'fd12::1')).toBe(true);
    expect(lists('0.0.0.0/0', 'x', 80, 'fd12::1')).toBe(false);
  });

  it('has names, which cover whatever they resolve to, and no other names', () => {
    expect(lists('wiki.internal', 'wiki.internal', 443, '10.0.0.1')).toBe(true);
    expect(lists('Wiki.Internal:443', 'wiki.internal', 443, '10.0.0.1')).toBe(true);
    expect(lists('wiki.internal:443', 'wiki.internal', 80, '10.0.0.1')).toBe(false);
    expect(lists('wiki.internal', 'x.wiki.internal', 443, '10.0.0.1')).toBe(false);
  });

  it.each(['', '*', 'http://x', 'x/y', '10.0.0.0/99', 'x:0', 'x:70000', '1.2.3', '10.0.0.0/8:80', 'a b', '-x'])(
    'refuses the entry %j',
    (entry) => {
      expect(() => parseAllowList([entry])).toThrow(/"allow" has addresses/);
    },
  );
});
