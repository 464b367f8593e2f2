import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { z } from 'zod';

// The JSON encoding of OTLP: ids in hex, kinds and status codes as numbers, 64-bit integers as text or numbers.

const value = z
  .union([
    z.strictObject({ stringValue: z.string() }).transform(({ stringValue }) => stringValue),
    z.strictObject({ intValue: z.coerce.number() }).transform(({ intValue }) => intValue),
  ])
  .describe('other kinds of values are not used');
const attributes = z
  .array(z.strictObject({ key: z.string(), value }))
  .transform((pairs) => Object.fromEntries(pairs.map((one) => [one.key, one.value])));
const traceId = z.string().regex(/^[0-9a-f]{32}$/);
const spanId = z.string().regex(/^[0-9a-f]{16}$/);
const span = z.object({
  traceId,
  spanId,
  parentSpanId: spanId.optional(),
  name: z.string(),
  kind: z.number().transform((kind) => ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'][kind]),
  startTimeUnixNano: z.coerce.bigint(),
  endTimeUnixNano: z.coerce.bigint(),
  attributes,
  links: z.array(z.object({ traceId, spanId })).default([]),
  droppedLinksCount: z.literal(0).default(0),
  /** 2 is an error. */
  status: z.object({ code: z.number().default(0) }).default({ code: 0 }),
});
const exportRequest = z.object({
  resourceSpans: z.array(z.object({ resource: z.object({ attributes }), scopeSpans: z.array(z.object({ spans: z.array(span) })) })),
});

export type ReceivedSpan = z.output<typeof span> & { resource: Record<string, string | number>; service: string };

export interface OtlpReceiver {
  endpoint: string;
  spans: ReceivedSpan[];
  /** The headers of each export. */
  headers: Record<string, unknown>[];
  /** What arrived and is not OTLP. */
  faults: string[];
}

/** Receives spans by OTLP over HTTP, in JSON. It is closed with its test. */
export async function otlpReceiver(): Promise<OtlpReceiver> {
  const received: OtlpReceiver = { endpoint: '', spans: [], headers: [], faults: [] };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.headers.push(request.headers);
      const parsed = exportRequest.safeParse(parse(Buffer.concat(chunks).toString()));
      if (request.url !== '/v1/traces') received.faults.push(`${request.method} ${request.url}`);
      else if (!parsed.success) received.faults.push(z.prettifyError(parsed.error));
      for (const { resource, scopeSpans } of parsed.data?.resourceSpans ?? [])
        for (const one of scopeSpans.flatMap(({ spans }) => spans))
          received.spans.push({ ...one, resource: resource.attributes, service: String(resource.attributes['service.name']) });
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  received.endpoint = await listening(server);
  return received;
}

/** A receiver that accepts connections and never answers. */
export const silentReceiver = (): Promise<string> => listening(createServer(() => undefined));

/** A receiver that refuses all spans. @param status 503 asks to be tried again */
export const refusingReceiver = (status: number): Promise<string> =>
  listening(createServer((_request, response) => response.writeHead(status).end()));

async function listening(server: ReturnType<typeof createServer>): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
