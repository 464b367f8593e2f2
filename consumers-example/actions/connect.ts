import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

// One connection out of many addresses: two attempts at once, a quarter of a second apart (RFC 8305). All of them share the
// time, so that silent addresses leave enough for a good one.

const APART_MS = 250;
const AT_ONCE = 2;
/** The most addresses of a name that are tried. */
const MOST_ADDRESSES = 16;

/** Alternates the families, beginning with that of the first address. */
function interleaved(addresses: readonly string[]): string[] {
  const [first = ''] = addresses;
  const same = addresses.filter((one) => isIP(one) === isIP(first));
  const other = addresses.filter((one) => isIP(one) !== isIP(first));
  return same
    .flatMap((one, at) => [one, ...other.slice(at, at + 1)])
    .concat(other.slice(same.length))
    .slice(0, MOST_ADDRESSES);
}

/**
 * @param deadline by performance.now()
 * @param signal ends every attempt
 * @throws the last attempt's error
 */
export function connectToAny(addresses: readonly string[], port: number, deadline: number, signal: AbortSignal): Promise<Socket> {
  const waiting = interleaved(addresses);
  // One or two addresses have all the time; with more, some is kept for the request itself.
  const rounds = waiting.length <= AT_ONCE ? 1 : Math.ceil(waiting.length / AT_ONCE) + 1;
  const shareMs = Math.max(1, (deadline - performance.now()) / rounds);
  return new Promise((resolve, reject) => {
    const trying = new Set<Socket>();
    let apart: NodeJS.Timeout | undefined;
    let failure = new Error('there is no address');
    const settle = (act: () => void, winner?: Socket) => {
      clearTimeout(apart);
      signal.removeEventListener('abort', give);
      for (const socket of trying) if (socket !== winner) socket.destroy();
      act();
    };
    const give = () => settle(() => reject(signal.reason as Error));
    const next = () => {
      clearTimeout(apart);
      const address = waiting.shift();
      if (address === undefined) {
        if (trying.size === 0) settle(() => reject(failure));
        return;
      }
      attempt(address);
      if (trying.size < AT_ONCE && waiting.length > 0) apart = setTimeout(next, APART_MS);
    };
    function attempt(address: string): void {
      const socket = connectTcp({ host: address, port, noDelay: true });
      trying.add(socket);
      const failed = (error: Error) => {
        if (!trying.delete(socket)) return;
        clearTimeout(timer);
        socket.destroy();
        failure = error;
        next();
      };
      const timer = setTimeout(
        () => failed(Object.assign(new Error('no connection in its share of the time'), { code: 'ETIMEDOUT' })),
        shareMs,
      );
      socket.on('error', failed);
      socket.on('close', () => clearTimeout(timer));
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.off('error', failed);
        // Until the new owner of the socket listens.
        socket.on('error', () => undefined);
        settle(() => resolve(socket), socket);
      });
    }
    if (signal.aborted) give();
    else {
      signal.addEventListener('abort', give, { once: true });
      next();
    }
  });
}

/** TLS still requests and verifies the name. @throws when the handshake fails */
export function secure(socket: Socket, host: string, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const tls = connectTls({ socket, ALPNProtocols: ['http/1.1'], ...(isIP(host) === 0 ? { servername: host } : { host }) });
    const give = () => tls.destroy(signal.reason as Error);
    signal.addEventListener('abort', give, { once: true });
    tls.once('error', reject);
    tls.once('close', () => reject(new Error('closed in the handshake')));
    tls.once('secureConnect', () => {
      signal.removeEventListener('abort', give);
      tls.on('error', () => undefined);
      resolve(tls);
    });
  });
}
