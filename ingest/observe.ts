import type { Logger } from 'pino';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Closed } from './connections.ts';
import type { FaultCode } from './errors.ts';

/** The one log line of a request. It never has a body, query or header. */
export interface RequestLine {
  requestId: string;
  method?: string;
  status: number;
  /** `recorded`, `repeated`, `handshake`, `ok` for other requests, `sender_gone`, or the code of the error answer. */
  outcome: FaultCode | 'recorded' | 'repeated' | 'handshake' | 'ok' | 'sender_gone';
  durationMs: number;
  userId?: string;
  zapId?: string;
  /** The context of the request's span, with tracing. */
  traceparent?: string;
  /** The run. */
  id?: string;
  /** Of the event. */
  bytes?: number;
  /** The cause of a failure, which the sender does not get. */
  cause?: string;
}

export interface Observer {
  request(line: RequestLine): void;
  /** A group of events was committed, or refused. */
  group(members: number, seconds: number): void;
  /** Ingest closed a connection. */
  closed(why: Closed): void;
}

/** Values that are read at each scrape. */
export interface Gauges {
  queued: () => number;
  heldBytes: () => number;
  outboxBytes: () => number;
  connections: () => number;
}

/** One log line per request, and the metrics. */
export function createObserver(log: Logger, registry: Registry, gauges: Gauges): Observer {
  const registers = [registry];
  const requests = new Counter({ name: 'outbox_ingest_requests_total', help: 'Answers by outcome', labelNames: ['outcome'], registers });
  const seconds = new Histogram({
    name: 'outbox_ingest_request_seconds',
    help: 'From the request headers to the answer',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3],
    registers,
  });
  const members = new Histogram({
    name: 'outbox_ingest_group_size',
    help: 'Events per commit',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
    registers,
  });
  const commit = new Histogram({
    name: 'outbox_ingest_commit_seconds',
    help: 'From sending a group to its commit',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3],
    registers,
  });
  const closings = new Counter({
    name: 'outbox_ingest_connections_closed_total',
    help: 'Connections that ingest closed, by reason',
    labelNames: ['reason'],
    registers,
  });
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge('outbox_ingest_queue_depth', 'Requests that wait for the database', gauges.queued);
  gauge('outbox_ingest_held_bytes', 'Bytes of bodies and events in memory', gauges.heldBytes);
  gauge('outbox_ingest_connections', 'Open connections', gauges.connections);
  gauge('outbox_ingest_outbox_bytes', 'Size of the outbox, as last read', gauges.outboxBytes);

  return {
    request: (line) => {
      requests.inc({ outcome: line.outcome });
      seconds.observe(line.durationMs / 1000);
      if (line.status >= 500) log.error(line, 'request');
      else log.info(line, 'request');
    },
    group: (size, took) => {
      members.observe(size);
      commit.observe(took);
    },
    closed: (reason) => closings.inc({ reason }),
  };
}
