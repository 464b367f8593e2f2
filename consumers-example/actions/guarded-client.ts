import { Agent, request, type AgentOptions, type ClientRequest, type ClientRequestArgs } from 'node:http';
import { isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { hostOf, portOf, whyNotAddress, whyNotUrl, type Allowed } from './address-guard.ts';
import { drain, finalAnswer, HEAD_LIMIT_BYTES, isAmbiguous, watchHead, type Answer } from './answer.ts';
import { connectToAny, secure } from './connect.ts';
import { createResolve, ResolveError, type Resolve } from './resolve.ts';

// The only way out to targets. It resolves a name, checks every address, and connects to a checked address: a second
// resolution could return another one (DNS rebinding). Redirects are answers and never followed. The lookup hook of node:net
// does not suffice: it is not called for a URL with an address.

export interface Call {
  url: URL;
  method: string;
  headers: Record<string, string>;
  body: string;
  /** Deadline for everything: resolving, connecting, sending and the answer. */
  timeoutMs: number;
  /** Whether plain http:// to a public address is allowed. */
  insecure?: boolean;
}

/** No answer came. `blocked`: the call was not made; `timeout`: not in time; `network`: everything else. */
export class CallError extends Error {
  override readonly name = 'CallError';
  readonly code: 'blocked' | 'timeout' | 'network';

  constructor(code: CallError['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

export interface GuardedClient {
  /** @throws CallError */
  call: (call: Call) => Promise<Answer>;
  close: () => Promise<void>;
}

const IDLE_MS = 4000;

/** The facts about a call that connecting needs. */
interface Ours {
  call: Call;
  deadline: number;
  signal: AbortSignal;
}

export function createGuardedClient(allowed: Allowed, resolve: Resolve = createResolve()): GuardedClient {
  async function connect({ call, deadline, signal }: Ours): Promise<Socket> {
    const [host, port, isPlain] = [hostOf(call.url), portOf(call.url), call.url.protocol === 'http:'];
    // With its dot at the end: such a name is not looked for below others.
    const addresses = isIP(host) === 0 ? await resolve(call.url.hostname, signal) : [host];
    if (addresses.length === 0) throw new CallError('network', `${host} has no address`);
    const mayBePlain = !isPlain || call.insecure === true;
    for (const address of addresses) {
      const why = whyNotAddress(host, address, port, allowed, mayBePlain);
      if (why !== undefined) throw new CallError('blocked', why);
    }
    signal.throwIfAborted();
    const socket = await connectToAny(addresses, port, deadline, signal);
    const why = whyNotAddress(host, socket.remoteAddress ?? '', Number(socket.remotePort), allowed, mayBePlain);
    if (why !== undefined) {
      socket.destroy();
      throw new CallError('blocked', `connected elsewhere: ${why}`);
    }
    return isPlain ? socket : secure(socket, host, signal);
  }

  class GuardedAgent extends Agent {
    readonly protocol: string;
    readonly defaultPort: number;

    constructor(protocol: string, defaultPort: number, options: AgentOptions) {
      super(options);
      this.protocol = protocol;
      this.defaultPort = defaultPort;
    }
    override createConnection(options: ClientRequestArgs, done?: (error: Error | null, socket: Duplex) => void): undefined {
      connect((options as ClientRequestArgs & { ours: Ours }).ours).then(
        (socket) => done?.(null, socket),
        (error: unknown) => done?.(error as Error, undefined as never),
      );
      return undefined;
    }
    override getName(options?: ClientRequestArgs): string {
      const { call } = (options as (ClientRequestArgs & { ours?: Ours }) | undefined)?.ours ?? {};
      // A connection that is allowed for one target must not serve another that may not have it.
      return `${super.getName(options)}:${call?.insecure === true}`;
    }
  }
  const agentsWith = (options: AgentOptions) => ({
    'http:': new GuardedAgent('http:', 80, options),
    'https:': new GuardedAgent('https:', 443, options),
  });
  const kept = agentsWith({ keepAlive: true, timeout: IDLE_MS, maxFreeSockets: 64 });
  const fresh = agentsWith({ keepAlive: false });

  async function ask(ours: Ours): Promise<Answer> {
    const protocol = ours.call.url.protocol as 'http:' | 'https:';
    try {
      return await send(ours, kept[protocol]);
    } catch (error) {
      // The target closed the connection while it was idle: no byte of an answer came, so the request may be repeated.
      if (!(error instanceof StaleError)) throw error;
      return send(ours, fresh[protocol]);
    }
  }

  return {
    call: async (call) => {
      const { url, timeoutMs } = call;
      const why = whyNotUrl(url, allowed, call.insecure);
      if (why !== undefined) throw new CallError('blocked', why);
      const giveUp = new AbortController();
      const late = new CallError('timeout', `no answer within ${timeoutMs} ms`);
      let timer: NodeJS.Timeout | undefined;
      // Work that ignores the signal is abandoned: the call ends at its deadline.
      const tooLate = new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => {
          reject(late);
          giveUp.abort(late);
        }, timeoutMs);
      });
      try {
        return await Promise.race([ask({ call, deadline: performance.now() + timeoutMs, signal: giveUp.signal }), tooLate]);
      } catch (error) {
        if (error instanceof CallError) throw error;
        if (error instanceof ResolveError) throw new CallError(error.code === 'NO_ANSWER' ? 'timeout' : 'network', error.message, error);
        throw new CallError('network', networkFault(error, url), error);
      } finally {
        clearTimeout(timer);
      }
    },
    close: async () => {
      for (const agent of [...Object.values(kept), ...Object.values(fresh)]) agent.destroy();
    },
  };
}

/** A reused connection ended before a byte of an answer. */
class StaleError extends Error {}

function send({ call, deadline, signal, ...more }: Ours, agent: Agent): Promise<Answer> {
  const { url, method, headers, body } = call;
  return new Promise((resolve, reject) => {
    // Careless servers are parsed leniently: only the status and one header are used, and the connection is not shared
    // with another target.
    const options = {
      ...{ agent, method, headers: method === 'GET' ? headers : { ...headers, 'content-length': String(Buffer.byteLength(body)) }, signal },
      ...{ insecureHTTPParser: true, maxHeaderSize: HEAD_LIMIT_BYTES, ours: { call, deadline, signal, ...more } },
    };
    const sent: ClientRequest = request(url, options);
    const head = watchHead(sent);
    let answer: Answer | undefined;
    sent.on('response', (response) => {
      // Of the waiting for a request, which crossed it on its way: it may be repeated (RFC 9110 §15.5.9).
      if (sent.reusedSocket && response.statusCode === 408) {
        reject(new StaleError());
        sent.destroy();
        return;
      }
      const came: Answer = { status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] };
      answer = came;
      if (isAmbiguous(response)) sent.shouldKeepAlive = false;
      drain(response, deadline, () => resolve(came));
    });
    sent.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode ?? 0, retryAfter: undefined });
    });
    sent.on('error', (error: NodeJS.ErrnoException) => {
      // The connection broke off behind the head, or in it behind its status line, or no parser takes the head.
      answer ??= error.code === 'HPE_HEADER_OVERFLOW' ? undefined : finalAnswer(head.text());
      if (answer !== undefined) resolve(answer);
      else if (sent.reusedSocket && head.text() === '' && !signal.aborted) reject(new StaleError());
      else reject(error);
    });
    sent.end(body);
  });
}

/** Node's code: ECONNREFUSED, ECONNRESET, HPE_INVALID_CONSTANT. Never what the target sent. */
function networkFault(error: unknown, url: URL): string {
  const { code } = error as { code?: unknown };
  return `${typeof code === 'string' ? code : 'failed'} at ${hostOf(url)}:${portOf(url)}`;
}
