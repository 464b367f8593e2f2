import { readFileSync } from 'node:fs';
import type pg from 'pg';
import { v7 } from 'uuid';
import { quantile } from '../../test/support/open-loop.ts';
import { cpuSeconds } from '../cpu.ts';
import { pause, until } from '../rows.ts';
import type { Phase, Reader } from './reader.ts';
import type { Contestant } from './relay.ts';

// The measurements of one relay: a steady rate, a backlog, and one kill -9 in the middle of a burst.

export const RATE = 600;
export const BACKLOG_ROWS = Number(process.env.BENCH_BACKLOG_ROWS ?? 50_000);
const STEADY_SECONDS = Number(process.env.BENCH_SECONDS ?? 15);
/** The steady rate before the measurement. A JVM needs about this long to warm up. */
const WARM_UP_SECONDS = 30;
const DRAIN_SECONDS = 8;
/** The wait for late records after the last COMMIT of the steady rate, and after a kill. */
export const GRACE_SECONDS = { steady: 3, kill: 45 };
const KEEPING_UP_SECONDS = 1.5;
const ZAPS = 100;
/** 400 bytes of JSON. */
const PAYLOAD = JSON.stringify({ text: 'x'.repeat(389) });

export interface Measured {
  steady: { delivered: number; keepsUp: boolean; p50: number; p99: number; cpuMicros: number };
  drain: { perSecond: number; cpuMicros: number };
  memoryMb: number;
  kill: { events: number; lost: number; waiting: number; repeated: number; reordered: number };
}

/** @param pool of a login that may write all tables */
export async function measure(contestant: Contestant, reader: Reader, pool: pg.Pool): Promise<Measured> {
  await contestant.start();
  try {
    const first = reader.begin();
    await insertAll(contestant, pool, first, ZAPS);
    await until(`the first events arrive. ${contestant.log()}`, async () => first.arrived > 0, 60_000);
    // A real worker runs for months, so a cold JVM is not compared.
    if (inConnect(contestant)) await measureDrain(contestant, reader.begin(), pool);
    const cold = reader.begin();
    await insertSteadily(contestant, pool, cold, WARM_UP_SECONDS);
    await all(cold, GRACE_SECONDS.steady);
    if (cold.arrived < cold.sent.size) await startEmpty(contestant);
    const steady = await measureSteady(contestant, reader.begin(), pool);
    await startEmpty(contestant);
    const drain = await measureDrain(contestant, reader.begin(), pool);
    const memoryMb = (await contestant.pids()).reduce((sum, pid) => sum + peakMb(pid), 0);
    await startEmpty(contestant);
    const kill = await measureKill(contestant, reader.begin(), pool, drain.perSecond);
    return { steady, drain, memoryMb, kill };
  } finally {
    await contestant.stop();
  }
}

/** Waits until all have arrived, at most this long. */
async function all(phase: Phase, seconds: number): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (phase.arrived < phase.sent.size && performance.now() < deadline) await pause(20);
}

const inConnect = ({ name }: Contestant) => ['ours', 'debezium'].includes(name);

/** Those that run in Connect keep it warm, and have nothing left. */
async function startEmpty(contestant: Contestant): Promise<void> {
  if (inConnect(contestant)) return;
  await contestant.stop();
  await contestant.start();
}

async function measureSteady(contestant: Contestant, phase: Phase, pool: pg.Pool): Promise<Measured['steady']> {
  const cpuBefore = await cpuOf(contestant);
  await insertSteadily(contestant, pool, phase, STEADY_SECONDS);
  const atEnd = phase.arrived;
  await all(phase, GRACE_SECONDS.steady);
  const now = performance.now();
  const cpuMicros = (((await cpuOf(contestant)) - cpuBefore) / phase.arrived) * 1e6;
  // What has not arrived is at least as late as it is now.
  const latencies = [...phase.sent.values()].map(({ committedAt, arrivedAt }) => (Number.isNaN(arrivedAt) ? now : arrivedAt) - committedAt);
  return {
    delivered: atEnd / STEADY_SECONDS,
    // What waits at the end is a delay of at most this long, and not a queue that grows.
    keepsUp: phase.sent.size - atEnd <= RATE * KEEPING_UP_SECONDS && phase.arrived === phase.sent.size,
    ...{ p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99), cpuMicros },
  };
}

async function measureDrain(contestant: Contestant, phase: Phase, pool: pg.Pool): Promise<Measured['drain']> {
  await contestant.hold();
  await insertAll(contestant, pool, phase, BACKLOG_ROWS);
  await contestant.release();
  await until(`the backlog begins to move. ${contestant.log()}`, async () => phase.arrived > 0, 60_000);
  const [began, before, cpuBefore] = [performance.now(), phase.arrived, await cpuOf(contestant)];
  while (phase.arrived < BACKLOG_ROWS && performance.now() - began < DRAIN_SECONDS * 1000) await pause(20);
  const [events, seconds, cpu] = [phase.arrived - before, (performance.now() - began) / 1000, await cpuOf(contestant)];
  if (inConnect(contestant)) await all(phase, 60);
  return { perSecond: events / seconds, cpuMicros: ((cpu - cpuBefore) / events) * 1e6 };
}

/** A burst of about four seconds of the contestant's own rate. The kill comes when half of it has arrived. */
async function measureKill(contestant: Contestant, phase: Phase, pool: pg.Pool, perSecond: number): Promise<Measured['kill']> {
  const events = Math.min(BACKLOG_ROWS, Math.max(ZAPS, Math.round((perSecond * 4) / ZAPS) * ZAPS));
  const inserting = insertAll(contestant, pool, phase, events);
  const deadline = performance.now() + 60_000;
  while (phase.arrived < events / 2 && performance.now() < deadline) await pause(2);
  await contestant.kill();
  await inserting;
  await all(phase, GRACE_SECONDS.kill);
  await pause(3000); // Repeats come after the first.
  const missing = [...phase.sent].filter(([, { arrivedAt }]) => Number.isNaN(arrivedAt)).map(([id]) => id);
  const waiting =
    contestant.waiting === undefined ? 0 : Number((await pool.query<{ n: string }>(contestant.waiting, [missing])).rows[0]?.n);
  return { events, lost: missing.length - waiting, waiting, repeated: phase.repeated, reordered: phase.reordered };
}

const places = new Map<string, number>();

/** Notes the rows before they are inserted: a record can arrive before COMMIT is answered. */
async function insertRows(contestant: Contestant, pool: pg.Pool, phase: Phase, zaps: string[]): Promise<void> {
  const ids = zaps.map((zap) => {
    const id = v7();
    const place = (places.get(zap) ?? 0) + 1;
    places.set(zap, place);
    phase.sent.set(id, { zap, place, committedAt: NaN, arrivedAt: NaN });
    return id;
  });
  await pool.query({ name: `insert-${contestant.name}`, text: contestant.insert, values: [ids, zaps, PAYLOAD] });
  const now = performance.now();
  for (const id of ids) {
    const row = phase.sent.get(id);
    if (row !== undefined) row.committedAt = now;
  }
}

/** One transaction after the other with one row for each zap, so that the order of a zap's rows is that of the commits. */
async function insertAll(contestant: Contestant, pool: pg.Pool, phase: Phase, rows: number): Promise<void> {
  const zaps = Array.from({ length: ZAPS }, (_, n) => `zap-${n}`);
  for (let done = 0; done < rows; done += ZAPS) await insertRows(contestant, pool, phase, zaps);
}

/** Open load: single rows at a fixed rate that does not wait for answers. */
async function insertSteadily(contestant: Contestant, pool: pg.Pool, phase: Phase, seconds: number): Promise<void> {
  const began = performance.now();
  const open: Promise<void>[] = [];
  while (performance.now() - began < seconds * 1000) {
    const due = Math.floor(((performance.now() - began) / 1000) * RATE) - open.length;
    for (let n = 0; n < due; n += 1) open.push(insertRows(contestant, pool, phase, [`zap-${open.length % ZAPS}`]));
    await pause(5);
  }
  await Promise.all(open);
}

async function cpuOf(contestant: Contestant): Promise<number> {
  return (await contestant.pids()).reduce((sum, pid) => sum + cpuSeconds(pid), 0);
}

/** The most resident memory that a process had. */
function peakMb(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}
