import type { Tracing } from '../kit/tracing.ts';
import type { RequestLine } from './observe.ts';
import { routes } from './openapi.ts';

/** Starts the span of a request to a hook, and notes its context in the line. @returns ends it with what the line then says */
export type StartRequestSpan = (line: RequestLine, path: string, traceparent: string | string[] | undefined) => () => void;

const route = routes.find(({ name }) => name === 'catchHook')?.path ?? '';
/** Others could be made up by a sender, and each would be a name. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** @returns undefined without tracing */
export function createRequestSpans(tracing: Tracing | undefined): StartRequestSpan | undefined {
  if (tracing === undefined) return undefined;
  return (line, path, traceparent) => {
    const method = line.method !== undefined && METHODS.has(line.method) ? line.method : undefined;
    const span = tracing.start({
      name: `${method ?? 'HTTP'} ${route}`,
      kind: 'server',
      parent: typeof traceparent === 'string' ? traceparent : undefined,
      // As without tracing: the trace of a webhook is found by the id of its run.
      traceId: line.requestId.replaceAll('-', ''),
      attributes: {
        'http.request.method': method ?? '_OTHER',
        'http.route': route,
        'url.scheme': 'http',
        // Without the query, which may be the data.
        'url.path': path,
      },
    });
    line.traceparent = span.traceparent;
    return () => {
      const { status, outcome, id, bytes } = line;
      const answered = { 'http.response.status_code': status, 'outbox.outcome': outcome, 'outbox.run_id': id, 'outbox.event.bytes': bytes };
      span.end(answered, status >= 500 ? String(status) : undefined);
    };
  };
}
