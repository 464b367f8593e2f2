import type { Context } from 'hono';
import { streamSSE } from 'hono/streaming';
import { fragments } from './overview.ts';
import { timeline } from './run-pages.ts';
import { isComplete, isGone, type Tracer } from './tracer.ts';
import type { View, Watcher } from './watcher.ts';
import { series } from './history.ts';

/** The pushed form of a snapshot, made once for all open pages. */
interface Pushed {
  view: View;
  all: ReadonlyMap<string, string>;
  whole: Uint8Array;
  changed: Uint8Array;
}

let last: Pushed | undefined;

/** The fragments of a view: all of them, and those that differ from the previous view. */
export function pushedOf(view: View): Pushed {
  if (last?.view === view) return last;
  const all = fragments(view);
  const differing = [...all].filter(([id, content]) => last?.all.get(id) !== content);
  const point = series.map((name) => view.point[name]);
  const event = (some: Iterable<[string, string]>) =>
    Buffer.from(`data: ${JSON.stringify({ fragments: Object.fromEntries(some), point })}\n\n`);
  last = { view, all, whole: event(all), changed: event(differing) };
  return last;
}

/** The pipeline, once a second, until the page is closed. */
export function streamPipeline(context: Context, watcher: Watcher): Response {
  let unlisten: () => void;
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => {
      let whole = true;
      unlisten = watcher.listen((view) => {
        const { whole: all, changed } = pushedOf(view);
        // A page that stops reading gets everything once it reads again, so that nothing piles up.
        const reads = (controller.desiredSize ?? 0) > 0;
        if (reads) controller.enqueue(whole ? all : changed);
        whole = !reads;
      });
    },
    cancel: () => unlisten(),
  });
  return context.body(stream, 200, { 'content-type': 'text/event-stream' });
}

const FOLLOW_EVERY_MS = 500;
const FOLLOW_FOR_MS = 600_000;
const SEARCH_EVERY_MS = 3000;

/** Streams the way of one webhook until it is complete. */
export const streamWay = (context: Context, tracer: Tracer, id: string): Response =>
  streamSSE(context, async (stream) => {
    const until = performance.now() + FOLLOW_FOR_MS;
    let searchedAt = -Infinity;
    let sent = '';
    let gone = false;
    while (!stream.aborted && performance.now() < until) {
      // Once its row is gone the event is on the topic; before that it may be.
      const search = performance.now() - searchedAt > SEARCH_EVERY_MS;
      if (search) searchedAt = performance.now();
      const way = await tracer.trace(id, search).catch(() => undefined);
      if (way !== undefined) {
        if (isGone(way.run) && !gone) searchedAt = -Infinity;
        gone = isGone(way.run);
        const content = String(timeline(way));
        if (content !== sent) await stream.writeSSE({ data: JSON.stringify({ fragments: { timeline: content } }) });
        sent = content;
        if (isComplete(way)) break;
      }
      await stream.sleep(FOLLOW_EVERY_MS);
    }
    // Otherwise the browser would reconnect.
    await stream.writeSSE({ data: JSON.stringify({ ended: true }) });
  });
