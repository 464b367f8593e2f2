import { lookup, Resolver } from 'node:dns/promises';
import { readFileSync } from 'node:fs';

// Resolves names like other programs of the machine: the hosts file first, then DNS with the search list. getaddrinfo would
// do it in one call, but has four threads for the whole process, which a few dead names would block.

/** Returns all addresses of a name, in the order in which to try them. The signal aborts it. */
export type Resolve = (name: string, signal: AbortSignal) => Promise<string[]>;

/** `NO_ADDRESS`: the name has no address. `NO_ANSWER`: it is unknown whether it has one. */
export class ResolveError extends Error {
  override readonly name = 'ResolveError';
  readonly code: 'NO_ADDRESS' | 'NO_ANSWER';

  constructor(code: ResolveError['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** One record type of one full name. @throws with a code of DNS */
export type Query = (name: string, type: 'A' | 'AAAA') => Promise<string[]>;

interface Files {
  hosts: string;
  resolvConf: string;
}

const NONE = new Set(['ENODATA', 'ENOTFOUND']);

export function createResolve(files: Files = { hosts: '/etc/hosts', resolvConf: '/etc/resolv.conf' }, given?: Query): Resolve {
  return async (name, signal) => {
    const known = fromHosts(read(files.hosts), name);
    if (known.length > 0) return known;
    // One for each name: what it still asks can be given up, and a changed resolv.conf is read.
    const resolver = new Resolver({ timeout: 2000, tries: 2 });
    const query: Query = given ?? ((full, type) => resolver.resolve(full, type));
    const cancel = () => resolver.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      for (const full of candidates(read(files.resolvConf), name)) {
        const found = await both(full, query);
        if (found.length > 0) return found;
        signal.throwIfAborted();
      }
    } finally {
      signal.removeEventListener('abort', cancel);
    }
    // A name that DNS does not know may be known to another source of the system, such as mDNS or the container's own name.
    const others = given === undefined ? await lookup(name, { all: true }).catch(() => []) : [];
    if (others.length === 0) throw new ResolveError('NO_ADDRESS', `${name} has no address`);
    return others.map(({ address }) => address);
  };
}

/**
 * Both families of a full name. While the answer for one of them is unknown, the next name of the list is not tried: it could
 * belong to somebody else.
 */
async function both(name: string, query: Query): Promise<string[]> {
  const answers = await Promise.allSettled([query(name, 'A'), query(name, 'AAAA')]);
  const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  if (found.length > 0) return found;
  const failed = answers.find(({ status, reason }: PromiseSettledResult<unknown> & { reason?: unknown }) => {
    return status === 'rejected' && !NONE.has(String((reason as NodeJS.ErrnoException).code));
  });
  if (failed !== undefined) throw new ResolveError('NO_ANSWER', `no answer of DNS about ${name}`, (failed as PromiseRejectedResult).reason);
  return [];
}

function fromHosts(text: string, name: string): string[] {
  const wanted = name.toLowerCase().replace(/\.$/, '');
  return text.split('\n').flatMap((line) => {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    return names.some((one) => one.toLowerCase() === wanted) ? [address] : [];
  });
}

/** The full names to resolve, in order, by resolv.conf(5). */
export function candidates(resolvConf: string, name: string): string[] {
  if (name.endsWith('.')) return [name];
  let search: string[] = [];
  let ndots = 1;
  for (const line of resolvConf.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/);
    // The last of the two kinds of line counts.
    if (keyword === 'search' || keyword === 'domain') search = values;
    const given = /(?:^|\s)ndots:(\d+)/.exec(keyword === 'options' ? values.join(' ') : '')?.[1];
    if (given !== undefined) ndots = Math.min(Number(given), 15);
  }
  const searched = search.filter((domain) => domain !== '.').map((domain) => `${name}.${domain.replace(/\.$/, '')}`);
  const dots = name.split('.').length - 1;
  return dots >= ndots ? [name, ...searched] : [...searched, name];
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
