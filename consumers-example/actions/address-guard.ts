import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

// The addresses that webhooks may be sent to. Someone who controls a target's URL, or the DNS of its name, must not reach
// this machine, its network or a cloud's metadata through us.

type Range = readonly [ipaddr.IPv4 | ipaddr.IPv6, number];

/** IANA's special-purpose registries, and addresses of clouds that seem public. */
const denied: readonly (readonly [cidr: string, what: string])[] = [
  ['0.0.0.0/8', 'this network'],
  ['10.0.0.0/8', 'private'],
  ['100.64.0.0/10', 'carrier-grade NAT'],
  ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link-local, cloud metadata'],
  ['172.16.0.0/12', 'private'],
  ['192.0.0.0/24', 'IETF protocol assignments'],
  ['192.0.2.0/24', 'documentation'],
  ['192.31.196.0/24', 'AS112'],
  ['192.52.193.0/24', 'AMT relay'],
  ['192.88.99.0/24', '6to4 relay'],
  ['192.168.0.0/16', 'private'],
  ['192.175.48.0/24', 'AS112'],
  ['198.18.0.0/15', 'benchmarking'],
  ['198.51.100.0/24', 'documentation'],
  ['203.0.113.0/24', 'documentation'],
  ['224.0.0.0/4', 'multicast'],
  ['240.0.0.0/4', 'reserved, broadcast'],
  ['168.63.129.16/32', "Azure's host"],
  ['::/128', 'unspecified'],
  ['::1/128', 'loopback'],
  ['::ffff:0:0/96', 'IPv4-mapped'],
  ['::ffff:0:0:0/96', 'IPv4-translated'],
  ['::/96', 'IPv4-compatible'],
  ['64:ff9b:1::/48', 'NAT64'],
  ['100::/64', 'discard'],
  ['2001::/32', 'Teredo'],
  ['2001:2::/48', 'benchmarking'],
  ['2001::/23', 'IETF protocol assignments'],
  ['2001:db8::/32', 'documentation'],
  ['2002::/16', '6to4'],
  ['2620:4f:8000::/48', 'AS112'],
  ['3fff::/20', 'documentation'],
  ['5f00::/16', 'segment routing'],
  ['fc00::/7', 'unique local'],
  ['fe80::/10', 'link-local'],
  ['fec0::/10', 'site-local'],
  ['ff00::/8', 'multicast'],
];
const deniedRanges = denied.map(([cidr, what]) => [ipaddr.parseCIDR(cidr), what] as const);
/** The only allocated part of IPv6, so that ranges missing in the table are refused too. */
const globalUnicast: Range = ipaddr.parseCIDR('2000::/3');

const within = (address: ipaddr.IPv4 | ipaddr.IPv6, [range, bits]: Range) => address.kind() === range.kind() && address.match(range, bits);

/** DNS64 (RFC 6052): in such a network IPv4 targets have these addresses. They lead to the IPv4 address inside. */
const dns64: Range = ipaddr.parseCIDR('64:ff9b::/96');

/** The effective address: the address itself, or the IPv4 address that it leads to. Only for addresses that `isIP` accepts. */
function effective(address: string): ipaddr.IPv4 | ipaddr.IPv6 {
  const parsed = ipaddr.parse(address);
  return within(parsed, dns64) ? new ipaddr.IPv4(parsed.toByteArray().slice(12)) : parsed;
}

/** ipaddr.js also accepts octal numbers and zones. Only addresses that the system would accept pass. */
const isPlainIp = (address: string) => isIP(address) !== 0 && !address.includes('%');

/** Why an address is not public; undefined when it is. */
function whyNotPublic(address: string): string | undefined {
  if (!isPlainIp(address)) return 'not an IP address';
  const parsed = effective(address);
  const found = deniedRanges.find(([range]) => within(parsed, range));
  if (found !== undefined) return found[1];
  return parsed.kind() === 'ipv6' && !within(parsed, globalUnicast) ? 'not global unicast' : undefined;
}

/** The exceptions that an operator makes for their own targets. */
export interface Allowed {
  /** Ports of public targets. */
  ports: readonly number[];
  /** `host:port`, the host a name or an address. */
  hosts: ReadonlySet<string>;
  ranges: readonly Range[];
}

/** A name or an address in the one form that URLs have: `[0:0:0:0:0:0:0:1]` is `::1`, `127.1` is `127.0.0.1`. */
function canonical(host: string): string | undefined {
  const url = `http://${host}/`;
  return URL.canParse(url) ? hostOf(new URL(url)) : undefined;
}
const entryOf = (host: string, port: number) => `${host.toLowerCase()} ${port}`;

/**
 * Reads ALLOW_TARGETS: `localhost:3003`, `crm_api:8080`, `[::1]:3003`, `10.1.0.0/16`.
 *
 * @throws naming the entry that is neither
 */
export function parseAllowed(entries: readonly string[], ports: readonly number[]): Allowed {
  const hosts = new Set<string>();
  const ranges: Range[] = [];
  for (const entry of entries) {
    const [, name = '', port = ''] = /^([A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\]):(\d{1,5})$/.exec(entry) ?? [];
    const host = name === '' || Number(port) < 1 || Number(port) > 65_535 ? undefined : canonical(name);
    // Only addresses in full: to ipaddr.js, 10/8 is 0.0.0.10/8, and 010.0.0.0/8 is 8.0.0.0/8.
    if (isPlainIp(entry.replace(/\/\d{1,3}$/, '')) && ipaddr.isValidCIDR(entry)) ranges.push(ipaddr.parseCIDR(entry));
    else if (host !== undefined) hosts.add(entryOf(host, Number(port)));
    else throw new Error(`"${entry}" is neither host:port nor a range such as 10.1.0.0/16`);
  }
  return { ports, hosts, ranges };
}

export const portOf = (url: URL) => Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
/** The host as a name or a bare address: without the brackets of IPv6 and the dot at the end of a full name. */
export const hostOf = (url: URL) => url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');

const plainHttp = 'plain http: to a public address needs "insecure": true';

/**
 * Why this address of this host must not be connected to; undefined when it may.
 *
 * @param mayBePlain whether the connection is encrypted, or a public target is to be called without
 */
export function whyNotAddress(host: string, address: string, port: number, allowed: Allowed, mayBePlain: boolean): string | undefined {
  if (allowed.hosts.has(entryOf(host, port))) return undefined;
  if (isPlainIp(address)) {
    const within4 = effective(address).toString();
    const known = [address, within4].map((one) => canonical(isIP(one) === 6 ? `[${one}]` : one) ?? one);
    if (known.some((one) => allowed.hosts.has(entryOf(one, port)))) return undefined;
    if (allowed.ranges.some((range) => within(effective(address), range))) return undefined;
  }
  const why = whyNotPublic(address);
  if (why !== undefined) return `${address} is ${why}`;
  if (!allowed.ports.includes(port)) return `port ${port} is not one of ${allowed.ports.join(', ')}`;
  return mayBePlain ? undefined : plainHttp;
}

/** Why this URL cannot be a target, as far as it is known without DNS; undefined when it can. */
export function whyNotUrl(url: URL, allowed: Allowed, insecure = false): string | undefined {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return `${url.protocol} is neither http: nor https:`;
  if (url.username !== '' || url.password !== '') return 'it carries a user or a password: send them as a header';
  const [host, port, mayBePlain] = [hostOf(url), portOf(url), url.protocol === 'https:' || insecure];
  if (isIP(host) !== 0) return whyNotAddress(host, host, port, allowed, mayBePlain);
  // A name may turn out to be in an allowed range, where any port and plain http: are fine.
  if (allowed.ranges.length > 0 || allowed.hosts.has(entryOf(host, port))) return undefined;
  if (!allowed.ports.includes(port)) return `port ${port} is not one of ${allowed.ports.join(', ')}`;
  return mayBePlain ? undefined : plainHttp;
}
