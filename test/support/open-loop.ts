import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface Answered {
  /** 0: the connection ended without an answer. */
  status: number;
  /** When the request was due; 0 for one that no connection was left for. */
  dueAt: number;
  /** From the time at which the request was due, so that a late generator counts as well. */
  ms: number;
}

interface Connection {
  socket: Socket;
  received: string;
  dueAt: number;
}

/** More would be this process's end (EMFILE), and no sender's; what is due beyond it counts as not answered. */
const MAX_SOCKETS = 6000;

/**
 * Posts at a fixed rate whatever the answers do, as many independent senders would: a request never waits for another.
 * Each takes an idle connection or opens a new one.
 *
 * @returns one entry per request that was due
 */
export async function openLoop(port: number, { path, body, perSecond, seconds, each }: OpenLoad & { each?: Each }): Promise<Answered[]> {
  const same = toRequest({ path, body });
  const idle: Connection[] = [];
  const all = new Set<Connection>();
  const answers: Answered[] = [];
  let open = 0;

  function settle(connection: Connection, status: number): void {
    answers.push({ status, dueAt: connection.dueAt, ms: performance.now() - connection.dueAt });
    open -= 1;
    connection.dueAt = 0;
  }

  function dial(): Connection {
    const socket = connect(port, '127.0.0.1');
    const connection: Connection = { socket, received: '', dueAt: 0 };
    all.add(connection);
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      connection.received += chunk;
      const status = wholeAnswer(connection.received);
      if (status === undefined || connection.dueAt === 0) return;
      const closes = /\r\nconnection: close/i.test(connection.received);
      connection.received = '';
      settle(connection, status);
      if (!closes) idle.push(connection);
    });
    socket.on('error', () => undefined); // 'close' follows.
    socket.on('close', () => {
      all.delete(connection);
      const at = idle.indexOf(connection);
      if (at >= 0) idle.splice(at, 1);
      if (connection.dueAt > 0) settle(connection, 0);
    });
    return connection;
  }

  const began = performance.now();
  const total = Math.round(perSecond * seconds);
  for (let sent = 0; sent < total;) {
    const due = Math.min(total, Math.floor(((performance.now() - began) / 1000) * perSecond) + 1); // The first one at once.
    for (; sent < due; sent += 1) {
      if (idle.length === 0 && all.size >= MAX_SOCKETS) {
        answers.push({ status: 0, dueAt: 0, ms: 0 });
        continue;
      }
      const connection = idle.pop() ?? dial();
      connection.dueAt = began + (sent / perSecond) * 1000;
      open += 1;
      connection.socket.write(each === undefined ? same : toRequest(each(sent, connection.dueAt)));
    }
    await delay(2);
  }
  for (const until = performance.now() + 20_000; open > 0 && performance.now() < until;) await delay(20);
  for (const { socket } of all) socket.destroy();
  while (answers.length < total) await delay(20);
  return answers;
}

interface Webhook {
  path: string;
  body: string;
}

/** A webhook of its own for each request, by its number and the time at which it is due. */
type Each = (n: number, dueAt: number) => Webhook;

const toRequest = ({ path, body }: Webhook) =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

export interface OpenLoad extends Webhook {
  perSecond: number;
  seconds: number;
}

/** The status, once the whole answer is there. */
function wholeAnswer(received: string): number | undefined {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(received)?.[1] ?? 0);
  return received.length >= headEnd + 4 + length ? Number(received.slice(9, 12)) : undefined;
}

/** Of the values that are at most so many parts of all: `quantile(values, 0.99)`. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;
}
