import { promises as dns } from 'node:dns';
import { isIP, type Socket } from 'node:net';
import { Agent, buildConnector, errors, request } from 'undici';
import { hostOf, portOf, whyNotAddress, whyNotUrl, type Allowed } from './address-guard.ts';

// The only way out to targets. A name is resolved here, every address of it is judged, and the connection goes to an
// address that was judged: a second resolution could give another one (DNS rebinding). Redirects are answers, never
// followed. The lookup hook of node:net is no place for this: it is not called for a URL with an address in it.

export interface Call {
  url: URL;
  method: string;
  headers: Record<string, string>;
  body: string;
  /** From now to the last byte that is awaited. */
  timeoutMs: number;
}

export interface Answer {
  status: number;
  /** As it came. */
  retryAfter: string | undefined;
}

/** No answer came. `blocked`: we did not ask; `timeout`: not in time; `network`: everything else. */
export class CallError extends Error {
  override readonly name = 'CallError';
  readonly code: 'blocked' | 'timeout' | 'network';

  constructor(code: CallError['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** All addresses of a name. */
export type Resolve = (name: string) => Promise<string[]>;

export interface GuardedClient {
  /** @throws CallError */
  call: (call: Call) => Promise<Answer>;
  close: () => Promise<void>;
}

const ANSWER_LIMIT_BYTES = 65_536;
/** The head decides; the body is read only so that the connection can be used again. A longer one costs a new connection. */
const BODY_WITHIN_MS = 1000;
const CONNECT_WITHIN_MS = 5000;

export function createGuardedClient(allowed: Allowed, resolve: Resolve = resolveByDns): GuardedClient {
  const open = buildConnector({ timeout: CONNECT_WITHIN_MS });

  async function connect(options: buildConnector.Options): Promise<Socket> {
    const host = options.hostname.replace(/^\[(.*)\]$/, '$1');
    const port = Number(options.port) || (options.protocol === 'https:' ? 443 : 80);
    const addresses = isIP(host) === 0 ? await resolve(host) : [host];
    if (addresses.length === 0) throw new CallError('network', `${host} has no address`);
    for (const address of addresses) {
      const why = whyNotAddress(host, address, port, allowed);
      if (why !== undefined) throw new CallError('blocked', why);
    }
    let failure: unknown;
    for (const address of addresses) {
      try {
        return await connectTo(address, host, options);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  /** The name stays the one that TLS asks for and checks. */
  function connectTo(address: string, host: string, options: buildConnector.Options): Promise<Socket> {
    const servername = options.servername ?? (isIP(host) === 0 ? host : undefined);
    return new Promise((resolve, reject) => {
      open({ ...options, hostname: address, ...(servername === undefined ? {} : { servername }) }, (error, socket) => {
        if (error !== null) {
          reject(error);
          return;
        }
        const why = whyNotAddress(host, socket.remoteAddress ?? '', Number(socket.remotePort), allowed);
        if (why === undefined) {
          resolve(socket);
          return;
        }
        socket.destroy();
        reject(new CallError('blocked', `connected elsewhere: ${why}`));
      });
    });
  }

  const agent = new Agent({
    connect: (options, callback) => {
      connect(options).then(
        (socket) => callback(null, socket),
        (error: unknown) => callback(error as Error, null),
      );
    },
    pipelining: 1,
    // The call has a deadline of its own, which counts from its beginning to its end.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxResponseSize: -1,
  });

  return {
    call: async ({ url, method, headers, body, timeoutMs }) => {
      const why = whyNotUrl(url, allowed);
      if (why !== undefined) throw new CallError('blocked', why);
      const deadline = new AbortController();
      const timer = setTimeout(() => deadline.abort(), timeoutMs);
      try {
        const answer = await request(url, { dispatcher: agent, method: method as 'POST', headers, body, signal: deadline.signal });
        const { 'retry-after': retryAfter } = answer.headers;
        await drain(answer.body, Math.min(BODY_WITHIN_MS, timeoutMs));
        return { status: answer.statusCode, retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter };
      } catch (error) {
        if (error instanceof CallError) throw error;
        if (deadline.signal.aborted) throw new CallError('timeout', `no answer within ${timeoutMs} ms`, error);
        if (error instanceof errors.ConnectTimeoutError)
          throw new CallError('timeout', `no connection within ${CONNECT_WITHIN_MS} ms`, error);
        throw new CallError('network', networkFault(error, url), error);
      } finally {
        clearTimeout(timer);
      }
    },
    close: () => agent.destroy(),
  };
}

/** Reads what is left of an answer within bounds, and drops the connection beyond them. Its content says nothing. */
async function drain(body: { dump: (options: { limit: number; signal: AbortSignal }) => Promise<void> }, withinMs: number): Promise<void> {
  const enough = new AbortController();
  const timer = setTimeout(() => enough.abort(), withinMs);
  try {
    await body.dump({ limit: ANSWER_LIMIT_BYTES, signal: enough.signal });
  } catch {
    // Too long, too slow or broken off: the status has come, and that is the answer.
  } finally {
    clearTimeout(timer);
  }
}

/** Node's or undici's code: ECONNREFUSED, UND_ERR_SOCKET, HPE_INVALID_CONSTANT. Never what the target sent. */
function networkFault(error: unknown, url: URL): string {
  const { code } = error as { code?: unknown };
  return `${typeof code === 'string' ? code : 'failed'} at ${hostOf(url)}:${portOf(url)}`;
}

/** c-ares, not the system's getaddrinfo: that has four threads for the whole process, which a few dead names would hold. */
const resolver = new dns.Resolver({ timeout: 2000, tries: 2 });

async function resolveByDns(name: string): Promise<string[]> {
  const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
  const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  if (found.length > 0) return found;
  const codes = answers.map((answer) => (answer.status === 'rejected' ? (answer.reason as NodeJS.ErrnoException).code : undefined));
  if (codes.includes('ETIMEOUT')) throw new CallError('timeout', `no answer of DNS about ${name}`);
  // What DNS does not know may stand in /etc/hosts: localhost, and the names of containers.
  const known = await dns.lookup(name, { all: true }).catch(() => []);
  return known.map(({ address }) => address);
}
