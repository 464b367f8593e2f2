import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

// Which addresses a webhook may be sent to. Somebody who can write a target's URL, or the DNS of its name, must not
// reach this machine, its network or a cloud's metadata through us.

type Range = readonly [ipaddr.IPv4 | ipaddr.IPv6, number];

/** IANA's special-purpose registries, and what clouds put on addresses that look public. */
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
  ['64:ff9b::/96', 'NAT64'],
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
/** Of IPv6, only this part is handed out at all: what the table forgets is refused as well. */
const globalUnicast: Range = ipaddr.parseCIDR('2000::/3');

const within = (address: ipaddr.IPv4 | ipaddr.IPv6, [range, bits]: Range) => address.kind() === range.kind() && address.match(range, bits);

/** Why an address is none of the public internet's; undefined when it is. */
export function whyNotPublic(address: string): string | undefined {
  // ipaddr.js also takes what is no plain address (octal, zones): only what the system itself would take goes on.
  if (isIP(address) === 0 || address.includes('%')) return 'not an IP address';
  const parsed = ipaddr.parse(address);
  const found = deniedRanges.find(([range]) => within(parsed, range));
  if (found !== undefined) return found[1];
  return parsed.kind() === 'ipv6' && !within(parsed, globalUnicast) ? 'not global unicast' : undefined;
}

/** The exceptions that an operator makes for targets of his own. */
export interface Allowed {
  /** Ports of public targets. */
  ports: readonly number[];
  /** `host:port`, the host a name or an address. */
  hosts: ReadonlySet<string>;
  ranges: readonly Range[];
}

/**
 * Reads ALLOW_TARGETS: `localhost:3003`, `[::1]:3003`, `10.1.0.0/16`.
 *
 * @throws naming the entry that is neither
 */
export function parseAllowed(entries: readonly string[], ports: readonly number[]): Allowed {
  const hosts = new Set<string>();
  const ranges: Range[] = [];
  for (const entry of entries) {
    if (ipaddr.isValidCIDR(entry)) ranges.push(ipaddr.parseCIDR(entry));
    else if (/^([A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\]):\d{1,5}$/.test(entry)) hosts.add(entry.toLowerCase());
    else throw new Error(`"${entry}" is neither host:port nor a range such as 10.1.0.0/16`);
  }
  return { ports, hosts, ranges };
}

export const portOf = (url: URL) => Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
/** The host as a name or a bare address: without the brackets of IPv6. */
export const hostOf = (url: URL) => url.hostname.replace(/^\[(.*)\]$/, '$1');

/** Why this address of this host must not be connected to; undefined when it may. */
export function whyNotAddress(host: string, address: string, port: number, allowed: Allowed): string | undefined {
  const entry = (name: string) => (isIP(name) === 6 ? `[${name}]:${port}` : `${name}:${port}`).toLowerCase();
  if (allowed.hosts.has(entry(host)) || allowed.hosts.has(entry(address))) return undefined;
  if (isIP(address) !== 0 && allowed.ranges.some((range) => within(ipaddr.parse(address), range))) return undefined;
  const why = whyNotPublic(address);
  if (why !== undefined) return `${address} is ${why}`;
  return allowed.ports.includes(port) ? undefined : `port ${port} is not one of ${allowed.ports.join(', ')}`;
}

/** Why this URL can be no target, as far as it is known without asking DNS; undefined when it can. */
export function whyNotUrl(url: URL, allowed: Allowed): string | undefined {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return `${url.protocol} is neither http: nor https:`;
  if (url.username !== '' || url.password !== '') return 'it carries a user or a password: send them as a header';
  const [host, port] = [hostOf(url), portOf(url)];
  if (isIP(host) !== 0) return whyNotAddress(host, host, port, allowed);
  // A name may turn out to be in an allowed range, where any port is fine.
  if (allowed.ranges.length > 0 || allowed.ports.includes(port) || allowed.hosts.has(`${host}:${port}`)) return undefined;
  return `port ${port} is not one of ${allowed.ports.join(', ')}`;
}
