import { createHash } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { bodyOf, type Body } from './bodies.ts';
import { openHistory } from './history.ts';
import { createRandom } from './random.ts';

// The driver runs in its own process, which can be killed like any other. One writer per zap posts one event after the
// other, and records the start and the outcome of each attempt. It runs until it is told to stop, and tells its parent
// every half second how many events were accepted.

/** The one argument, given by the parent. */
export interface Drive {
  /** Of every copy of ingest; posts go to them in turn. */
  urls: readonly string[];
  history: string;
  seed: number;
  /** Different for every start, so that the names of events are unique. */
  run: number;
  zaps: number;
  /** Events per second in all. */
  rate: number;
  /** Sent as a sender's password, which must not appear anywhere afterwards. */
  canary: string;
}

export type Progress = Record<'ok' | 'refused' | 'unknown', number>;

const TIMEOUT_MS = 8000;
const ATTEMPTS = 8;

const drive = JSON.parse(process.argv[2] ?? '') as Drive;
const history = openHistory(drive.history);
const agent = new Agent({ keepAlive: true, maxSockets: drive.zaps });
let posted = 0;
const progress: Progress = { ok: 0, refused: 0, unknown: 0 };
const stopping = new AbortController();

type Outcome = { what: 'ok'; id: string } | { what: 'refused' | 'unknown'; why: string };

/** Distinguishes by the answer's code whether the request may have been stored. */
function outcomeOf(status: number, text: string): Outcome {
  try {
    const { id, code } = JSON.parse(text) as { id?: string; code?: string };
    if (status === 200 && id !== undefined) return { what: 'ok', id };
    const unsure = status === 200 || status === 500 || code === undefined || code === 'outcome_unknown';
    return { what: unsure ? 'unknown' : 'refused', why: code ?? `status ${status}` };
  } catch {
    return { what: 'unknown', why: `status ${status}, no JSON` };
  }
}

function post(zap: string, { contentType, sent }: Body, key: string | undefined): Promise<Outcome> {
  return new Promise((resolve) => {
    const headers = {
      authorization: `Bearer ${drive.canary}`,
      'content-length': Buffer.byteLength(sent),
      ...(contentType === undefined ? {} : { 'content-type': contentType }),
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    };
    const url = drive.urls[posted++ % drive.urls.length] ?? '';
    const call = request(`${url}/hooks/catch/${zap}`, { method: 'POST', agent, headers, timeout: TIMEOUT_MS }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', () => resolve({ what: 'unknown', why: 'the answer was cut off' }));
      response.on('end', () => resolve(outcomeOf(response.statusCode ?? 0, Buffer.concat(chunks).toString())));
    });
    call.on('timeout', () => call.destroy(new Error('no answer in time')));
    call.on('error', (error: NodeJS.ErrnoException) => {
      // Nobody listened, so nobody read it. Any other end of a connection says nothing.
      resolve({ what: error.code === 'ECONNREFUSED' ? 'refused' : 'unknown', why: error.code ?? error.message });
    });
    call.end(sent);
  });
}

async function write(index: number): Promise<void> {
  const random = createRandom(drive.seed * 1_000_003 + drive.run * 1009 + index);
  const zap = `faults/z${index}`;
  for (let n = 0; !stopping.signal.aborted; n += 1) {
    await delay(((drive.zaps * 1000) / drive.rate) * (0.5 + random.next()));
    const op = `op~${drive.run}~${index}~${n}~`;
    const body = bodyOf(op, random);
    const key = random.next() < 0.5 ? op : undefined;
    const sha = createHash('sha256').update(body.metadata).digest('hex');
    // With a key a sender may retry until it has an answer. Some retry although they have one.
    const asksAgain = key !== undefined && random.next() < 0.05;
    for (let attempt = 1, known = false; attempt <= ATTEMPTS && !known; attempt += 1) {
      history.say({ what: 'invoke', op, zap, sha, ...(key === undefined ? {} : { key }) });
      const outcome = await post(zap, body, key);
      history.say({ ...outcome, op });
      if (attempt === 1 || outcome.what === 'ok') progress[outcome.what] += 1;
      known = outcome.what === 'refused' || key === undefined || (outcome.what === 'ok' && !(asksAgain && attempt === 1));
      if (outcome.what !== 'ok') await delay(200);
    }
  }
}

process.on('message', () => stopping.abort());
process.on('disconnect', () => process.exit(stopping.signal.aborted ? 0 : 1));
const reporting = setInterval(() => process.send?.(progress), 500);
await Promise.all(Array.from({ length: drive.zaps }, (_, index) => write(index)));
clearInterval(reporting);
history.close();
agent.destroy();
process.send?.(progress);
process.disconnect();
