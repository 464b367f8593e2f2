import { describe, expect, test } from 'vitest';
import { parseAllowed, whyNotUrl } from './address-guard.ts';
import { createGuardedClient } from './guarded-client.ts';

// Forbidden targets, in all notations.

const nothing = parseAllowed([], [80, 443]);

const hosts = {
  loopback: [
    '127.0.0.1',
    '127.1',
    '127.0.0.1.',
    '127.255.255.254',
    '2130706433',
    '0x7f000001',
    '017700000001',
    '0x7f.1',
    '0177.0.0.1',
    '[::1]',
    '[0:0:0:0:0:0:0:1]',
    '0x7F.0.0.0x1',
    '0177.1',
    '127.0.1',
    '00000177.0.0.1',
    '127.65535',
  ],
  'loopback in other digits': ['①②⑦.⓪.⓪.①', '127。0。0。1', '%31%32%37.0.0.1', '１２７.0.0.1', '127．0．0．1', '127.0.0.1%2e'],
  'this network': ['0.0.0.0', '0', '0.1.2.3', '[::]'],
  private: [
    '10.0.0.1',
    '10.255.255.255',
    '172.16.0.1',
    '172.31.255.254',
    '192.168.0.1',
    '192.168.1.1',
    '0xa.0.0.1',
    '3232235521',
    '012.0.0.1',
    '10.1',
    '192.168.257',
  ],
  'link-local and metadata': [
    '169.254.169.254',
    '169.254.0.1',
    '2852039166',
    '0xa9fea9fe',
    '[fe80::1]',
    '[fd00:ec2::254]',
    '168.63.129.16',
    '0251.0376.0251.0376',
    '169.254.43518',
    '0xa9.0xfe.0xa9.0xfe',
    '169.254.170.2',
    '[fe80::a9fe:a9fe]',
  ],
  'carrier-grade NAT': ['100.64.0.1', '100.100.100.200', '100.127.255.254'],
  'multicast and broadcast': [
    '224.0.0.1',
    '239.255.255.255',
    '255.255.255.255',
    '240.0.0.1',
    '[ff02::1]',
    '[ff0e::1]',
    '4294967295',
    '0xe0000001',
  ],
  'documentation, benchmarks, protocols': [
    '192.0.2.1',
    '198.51.100.1',
    '203.0.113.1',
    '198.18.0.1',
    '198.19.255.254',
    '192.0.0.8',
    '[2001:db8::1]',
    '[3fff::1]',
    '[2001:2::1]',
  ],
  'IPv4 in IPv6': [
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::ffff:8.8.8.8]',
    '[::127.0.0.1]',
    '[::8.8.8.8]',
    '[::ffff:0:127.0.0.1]',
    '[0:0:0:0:0:ffff:a00:1]',
    '[::FFFF:169.254.169.254]',
  ],
  'tunnels and translators': [
    '[64:ff9b::7f00:1]',
    '[64:ff9b::a9fe:a9fe]',
    '[64:ff9b::10.0.0.1]',
    '[64:ff9b:1::a00:1]',
    '[2002:7f00:1::]',
    '[2002:a00:1::1]',
    '[2001:0:4136:e378::1]',
    '192.88.99.1',
    '[64:ff9b::100.64.0.1]',
    '[64:ff9b::c0a8:101]',
    '[2002:a9fe:a9fe::]',
    '[2001:0:7f00:1::]',
    '[64:ff9b:1:ffff::8.8.8.8]',
  ],
  'what is not routed': [
    '[fc00::1]',
    '[fdff::1]',
    '[fec0::1]',
    '[100::1]',
    '[5f00::1]',
    '[4000::1]',
    '[1::1]',
    '[2620:4f:8000::1]',
    '192.175.48.1',
  ],
};
const urls = [
  ...Object.entries(hosts).flatMap(([what, list]) => list.map((host) => ({ what, url: `http://${host}/` }))),
  { what: 'another scheme', url: 'file:///etc/passwd' },
  { what: 'another scheme', url: 'ftp://93.184.216.34/' },
  { what: 'another scheme', url: 'gopher://93.184.216.34:80/' },
  { what: 'credentials', url: 'http://user:pass@93.184.216.34/' },
  { what: 'credentials', url: 'http://example.com@127.0.0.1/' },
  { what: 'credentials', url: 'https://user@example.com/' },
  { what: 'plain text', url: 'http://93.184.216.34/' },
  { what: 'plain text', url: 'http://example.com/' },
  { what: 'a port', url: 'http://93.184.216.34:22/' },
  { what: 'a port', url: 'http://93.184.216.34:5432/' },
  { what: 'a port', url: 'http://example.com:8083/' },
  { what: 'a port', url: 'https://[2606:2800:220:1::1]:9092/' },
];
const notUrls = ['http://[fe80::1%25eth0]/', 'http://[::1', 'http://1.2.3.256/', 'http://0x100000000/', 'http://a b/', 'http://'];
const publicHosts = [
  '93.184.216.34',
  '8.8.8.8',
  '172.32.0.1',
  '100.128.0.1',
  '198.20.0.1',
  '[2606:2800:220:1::1]',
  '[2a00:1450::1]',
  '[64:ff9b::8.8.8.8]',
  'example.com',
  'example.com.',
];

describe('a URL', () => {
  test('is refused by at least a hundred vectors', () => expect(urls.length).toBeGreaterThanOrEqual(100));

  test.each(urls)('of $what is refused and not connected to: $url', async ({ url }) => {
    expect(whyNotUrl(new URL(url), nothing)).toBeTypeOf('string');
    const asked: string[] = [];
    const { call: make } = createGuardedClient(nothing, async (name) => {
      asked.push(name);
      return ['93.184.216.34'];
    });
    const call = { url: new URL(url), method: 'POST', headers: {}, body: '{}', timeoutMs: 2000, insecure: false };
    await expect(make(call)).rejects.toMatchObject({ code: 'blocked' });
    expect(asked).toEqual([]);
  });

  test.each(notUrls)('that is malformed is refused by the parser: %s', (url) => expect(URL.canParse(url)).toBe(false));

  test.each(publicHosts)('of the public internet may be a target: %s', (host) => {
    expect(whyNotUrl(new URL(`https://${host}/`), nothing)).toBeUndefined();
  });
});

test.each([
  ...['localhost', '10.0.0.1', '10.0.0.0/33', 'host:', ':80', 'http://a:80', 'a b:80', 'a.b:0', 'a.b:99999', 'a.b:65536', '[::g]:80'],
  // Ranges that could be read differently from what was meant.
  ...[
    '10/8',
    '10.1/16',
    '010.0.0.0/8',
    '0x0a.0.0.0/8',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/8.',
    '[fd00::]/8',
    'fd00::/129',
    'fe80::%1/64',
  ],
  ...['::1', '::1:3003', '[::1]', '[fe80::1%eth0]:80', 'a.b:80:80', 'a.b:8o', 'a.b: 80', '*', '*:80', 'a/b:80', '1.2.3.256:80'],
])('an invalid exception is reported: %s', (entry) => {
  expect(() => parseAllowed([entry], [])).toThrow(`"${entry}" is neither`);
});

test.each([
  ['crm_api:8080', 'http://crm_api:8080/'],
  ['Crm.Example:8080', 'http://crm.example.:8080/'],
  ['[0:0:0:0:0:0:0:1]:3003', 'http://[::1]:3003/'],
  ['[::ffff:127.0.0.1]:3003', 'http://[::ffff:7f00:1]:3003/'],
  ['127.1:3003', 'http://127.0.0.1:3003/'],
  ['0x7f.1:80', 'http://127.0.0.1/'],
  ['[::0001]:03003', 'http://[::1]:3003/'],
  ['[FD00:0:0::00AB]:8080', 'http://[fd00::ab]:8080/'],
  ['[::127.0.0.1]:80', 'http://[::7f00:1]/'],
  ['_crm_:8080', 'http://_crm_:8080/'],
  ['crm-1.ns_2.svc.cluster.local:8080', 'http://crm-1.ns_2.svc.cluster.local:8080/'],
  ['crm.example.:8080', 'http://crm.example:8080/'],
  ['2130706433:8080', 'http://127.0.0.1:8080/'],
  ['10.1.2.3/16', 'http://10.1.9.9:5000/'],
  ['FD00:1::/32', 'http://[fd00:1:2::3]:5000/'],
  ['::1/128', 'http://[0:0:0:0:0:0:0:1]:5000/'],
])('the exception %s is for %s', (entry, url) => {
  expect(whyNotUrl(new URL(url), parseAllowed([entry], []))).toBeUndefined();
  expect(whyNotUrl(new URL(url), parseAllowed([], []))).toBeTypeOf('string');
});
