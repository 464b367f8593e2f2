import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { ensurePython } from '../../stack/python.ts';
import { startIngest } from './own-ingest.ts';
import { config, query } from './stack.ts';
import { readTopic } from './topic.ts';
import { waitFor } from './wait-for.ts';
import { askConnect } from './http.ts';

/** What schemathesis asks of each answer, beside that it comes. */
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'unsupported_method',
  'allow_header_conformance',
];

interface Har {
  log: {
    entries: { request: { method: string; url: string }; response: { status: number; content: { text?: string; encoding?: string } } }[];
  };
}

/**
 * Posts what schemathesis makes of ingest's own OpenAPI document, then looks at what is left behind: no answer was 5xx,
 * each was as the document says, the connector is RUNNING, and every 200 has its event on the topic once.
 *
 * @param examples per route that takes webhooks, so about a third of the requests
 * @param seed the same inputs for the same seed; none: others each time, and the seed is in the output
 * @returns how many requests were sent
 */
export async function fuzzIngest({ examples, minutes, seed }: { examples: number; minutes: number; seed?: number }): Promise<number> {
  const bin = ensurePython('schemathesis', new URL('schemathesis.lock', import.meta.url));
  const topic = await readTopic();
  const ingest = await startIngest();
  const report = join(config.dir, 'fuzz', 'requests.har');
  mkdirSync(join(config.dir, 'fuzz'), { recursive: true });
  try {
    // One worker: several share Python's parser, which fails in some versions ("AST constructor recursion depth mismatch").
    const args = [
      ...['run', `${ingest.url}/openapi.json`, '--checks', CHECKS.join(','), '--max-examples', String(examples)],
      ...['--phases', 'examples,coverage,fuzzing', '--mode', 'all', '--continue-on-failure', '--suppress-health-check', 'all'],
      ...['--workers', '1', '--request-timeout', '10', '--generation-database', 'none', '--no-color'],
      ...['--report', 'har', '--report-har-path', report, ...(seed === undefined ? [] : ['--seed', String(seed)])],
    ];
    const { failed, output } = await run(join(bin, 'schemathesis'), args, minutes * 60_000);
    expect(failed ? output.slice(-8000) : '', 'what schemathesis found').toBe('');

    const { entries } = (JSON.parse(readFileSync(report, 'utf8')) as Har).log;
    const wrong = entries.filter(({ response }) => response.status >= 500 || response.status < 200);
    expect(wrong).toEqual([]);
    const accepted = entries.filter(({ request, response }) => response.status === 200 && request.url.includes('/hooks/catch/'));
    const answered = accepted.map(({ request, response: { content } }) => ({
      method: request.method,
      id: idOf(Buffer.from(content.text ?? '', content.encoding === 'base64' ? 'base64' : 'utf8')),
    }));
    // A GET without a query, and a HEAD, store nothing and have no id.
    expect(answered.filter(({ method, id }) => id === undefined && !['GET', 'HEAD'].includes(method))).toEqual([]);
    const ids = new Set(answered.flatMap(({ id = [] }) => id));
    expect(ids.size).toBeGreaterThan(examples / 2);

    const runs = await query<{ id: string; key: string }>("SELECT id, user_id || '/' || zap_id AS key FROM zap_run WHERE id = ANY ($1)", [
      [...ids],
    ]);
    expect(new Set(runs.map(({ id }) => id))).toEqual(ids);
    const timesOf = ({ id, key }: (typeof runs)[number]) => topic.records(key).filter(({ headers }) => headers.id === id).length;
    await waitFor('every 200 has its event on the topic', () => runs.every((one) => timesOf(one) > 0), 120_000);
    expect(runs.filter((one) => timesOf(one) !== 1)).toEqual([]);
    const status = (await (await askConnect('/connectors/zap-run-outbox/status')).json()) as {
      connector: { state: string };
      tasks: { state: string }[];
    };
    expect([status.connector.state, ...status.tasks.map(({ state }) => state)]).toEqual(['RUNNING', 'RUNNING']);
    return entries.length;
  } finally {
    await ingest.stop();
    await topic.close();
  }
}

const idOf = (body: Buffer) => (JSON.parse(body.toString() || '{}') as { id?: string }).id;

function run(file: string, args: string[], timeout: number): Promise<{ failed: boolean; output: string }> {
  return new Promise((resolve) => {
    execFile(file, args, { timeout, maxBuffer: 100_000_000, cwd: join(config.dir, 'fuzz') }, (error, stdout, stderr) => {
      resolve({ failed: error !== null, output: `${stdout}\n${stderr}\n${error?.killed === true ? 'it took too long' : ''}` });
    });
  });
}
