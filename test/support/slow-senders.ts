import { connect } from 'node:net';

/** One answer that a slow sender got, and how long its connection lived. */
interface Ended {
  status: number;
  ms: number;
}

/**
 * Keeps `count` connections that send a byte a second, half of them in the headers, half in the body. One that is
 * closed is replaced a second later.
 */
export function crawl(port: number, path: string, count: number) {
  const ended: Record<'headers' | 'body', Ended[]> = { headers: [], body: [] };
  let connected = 0;
  let stopped = false;
  const stops: (() => void)[] = [];

  function one(part: 'headers' | 'body'): void {
    const began = performance.now();
    const socket = connect(port, '127.0.0.1');
    let received = '';
    const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
    socket.on('connect', () => {
      connected += 1;
      socket.write(part === 'headers' ? head : `${head}Content-Length: 1000\r\n\r\n"`);
    });
    const timer = setInterval(() => socket.write(part === 'headers' ? 'x' : 'a'), 1000);
    stops.push(() => socket.destroy());
    socket.on('data', (chunk) => (received += chunk.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearInterval(timer);
      if (stopped) return;
      ended[part].push({ status: Number(/^HTTP\/1.1 (\d+)/.exec(received)?.[1] ?? 0), ms: performance.now() - began });
      setTimeout(() => stopped || one(part), 1000).unref();
    });
  }
  for (let n = 0; n < count; n += 1) one(n % 2 === 0 ? 'headers' : 'body');
  return {
    ended,
    connected: () => connected,
    stop: () => {
      stopped = true;
      for (const stop of stops) stop();
    },
  };
}
