import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { Slot } from '../checks/state.ts';
import type { ConnectorStatus } from '../kit/connect-api.ts';
import type { Facts } from './facts.ts';
import type { Tools } from './repairs.ts';
import { rules as realRules, type Rule } from './rules.ts';
import { createWatch } from './watch.ts';

const slot = (active: boolean, walStatus: string): Slot => ({
  active,
  walStatus,
  keptBytes: 0,
  safeBytes: undefined,
  confirmed: undefined,
  behindBytes: 0,
});

const running: ConnectorStatus = { connector: { state: 'RUNNING' }, tasks: [{ id: 0, state: 'RUNNING' }] };
const failed: ConnectorStatus = {
  connector: { state: 'RUNNING' },
  tasks: [{ id: 0, state: 'FAILED', trace: 'org.apache.X: told\n\tat y\nCaused by: java.Z: no disk\n\tat q\n' }],
};
const refused: ConnectorStatus = {
  connector: { state: 'RUNNING' },
  tasks: [
    { id: 0, state: 'FAILED', trace: 'org.apache.X: told\nCaused by: org.apache.kafka.common.errors.RecordTooLargeException: 300000\n' },
  ],
};
const well: Facts = {
  paused: undefined,
  publicationOid: 7,
  publicationFault: undefined,
  knownPublicationOid: 7,
  slot: slot(true, 'reserved'),
  position: '0/1',
  snapshot: false,
  connectAnswers: true,
  connector: running,
  drift: [],
};

/** A watch with its own clock, over facts that the test sets. The position moves each round, as with heartbeats, unless `still`. */
function watched(rules: readonly Rule[], outcome: () => Promise<string> = async () => 'done') {
  const world = { now: 0, facts: well, still: false, beats: 0, repaired: [] as string[], failed: 0, alarms: new Set<string>() };
  const spied = rules.map((rule) => ({
    ...rule,
    ...(rule.steps && {
      steps: rule.steps.map((_step, n) => () => {
        world.repaired.push(n === 0 ? rule.name : `${rule.name} ${n + 1}`);
        return outcome();
      }),
    }),
  }));
  const tick = createWatch({
    rules: spied,
    readFacts: async () => {
      if (!world.still) world.beats += 1;
      return { ...world.facts, position: String(world.beats) };
    },
    tools: {} as Tools,
    metrics: {
      observe: () => undefined,
      blind: () => undefined,
      alarm: (rule, on) => {
        if (on) world.alarms.add(rule);
        else world.alarms.delete(rule);
      },
      repair: (_rule, how) => {
        if (how === 'failed') world.failed += 1;
      },
    },
    log: pino({ level: 'silent' }),
    now: () => world.now,
  });
  const tickFor = async (ms: number, everyMs = 1000) => {
    for (let passed = 0; passed < ms; passed += everyMs) {
      await tick();
      world.now += everyMs;
    }
  };
  return { world, tick, tickFor };
}

test.each<[string, Partial<Facts>]>([
  ['nothing', {}],
  ['PUBLICATION_MISSING', { publicationOid: undefined, publicationFault: 'no publication' }],
  ['PUBLICATION_ALTERED', { publicationFault: 'only some rows' }],
  ['PUBLICATION_REMADE', { publicationOid: 8 }],
  ['SLOT_LOST', { slot: slot(false, 'lost') }],
  ['CONNECTOR_MISSING', { connector: undefined }],
  ['CONNECTOR_DRIFT', { drift: ['event.key'] }],
  ['CONNECTOR_FAILED', { connector: failed }],
  ['EVENT_TOO_LARGE', { connector: refused }],
  ['SLOT_MISSING', { slot: undefined }],
  ['SLOT_UNREAD', { slot: slot(false, 'reserved') }],
  ['nothing', { slot: slot(false, 'reserved'), snapshot: true }],
  ['nothing', { connector: undefined, connectAnswers: false }],
  ['CONNECTOR_IDLE', { slot: undefined, connector: { ...running, tasks: [] } }],
  ['CONNECTOR_IDLE', { connector: { ...running, tasks: [{ id: 0, state: 'UNASSIGNED' }] } }],
  ['CONNECTOR_IDLE', { connector: { connector: { state: 'RESTARTING' }, tasks: running.tasks } }],
  ['nothing', { paused: 'an operator', connector: { ...running, tasks: [] } }],
])('repairs first: %s', async (expected, facts) => {
  const { world, tickFor } = watched(realRules);
  world.facts = { ...well, ...facts };
  await tickFor(61_000);
  expect(world.repaired[0] ?? 'nothing').toBe(expected);
});

test('repairs a cause before its effects, one at a time', async () => {
  const { world, tick } = watched(realRules);
  world.facts = { ...well, publicationOid: undefined, publicationFault: 'none', slot: undefined, connector: failed };
  expect(await tick()).toBe(true);
  world.facts = { ...world.facts, publicationOid: 8, publicationFault: undefined };
  await tick();
  world.facts = { ...world.facts, knownPublicationOid: 8 };
  await tick();
  world.facts = well;
  expect(await tick()).toBe(false);
  expect(world.repaired).toEqual(['PUBLICATION_MISSING', 'PUBLICATION_REMADE', 'CONNECTOR_FAILED']);
});

test('two restarts without success are followed by a new slot; pauses grow, and a quiet time resets the steps', async () => {
  const { world, tickFor } = watched(realRules.filter(({ name }) => name === 'CONNECTOR_FAILED'));
  world.facts = { ...well, connector: failed };
  await tickFor(75_000);
  // At 0, 10, 30 and 70 seconds.
  expect(world.repaired).toEqual(['CONNECTOR_FAILED', 'CONNECTOR_FAILED 2', 'CONNECTOR_FAILED 3', 'CONNECTOR_FAILED 3']);
  world.facts = well;
  await tickFor(200_000);
  world.facts = { ...well, connector: failed };
  await tickFor(15_000);
  expect(world.repaired.slice(4)).toEqual(['CONNECTOR_FAILED', 'CONNECTOR_FAILED 2']);
});

test('does not shorten the pause for a task that is RUNNING for a moment between two failures', async () => {
  const { world, tickFor } = watched(realRules.filter(({ name }) => name === 'CONNECTOR_FAILED'));
  for (let n = 0; n < 30; n += 1) {
    world.facts = { ...well, connector: n % 2 === 0 ? failed : running };
    await tickFor(1000);
  }
  expect(world.repaired).toHaveLength(2);
});

test('a step that fails is counted and retried', async () => {
  const { world, tickFor } = watched(realRules, async () => Promise.reject(new Error('no')));
  world.facts = { ...well, connector: failed };
  await tickFor(35_000);
  expect(world.repaired).toEqual(['CONNECTOR_FAILED', 'CONNECTOR_FAILED', 'CONNECTOR_FAILED']);
  expect(world.failed).toBe(3);
});

const pausedConnector: ConnectorStatus = { connector: { state: 'PAUSED' }, tasks: [{ id: 0, state: 'PAUSED' }] };

test('makes no repair while paused, and repairs afterwards', async () => {
  const { world, tick, tickFor } = watched(realRules);
  world.facts = { ...well, paused: 'an operator', publicationOid: undefined, publicationFault: 'none', slot: undefined, connector: failed };
  await tickFor(600_000, 10_000);
  expect(world.repaired).toEqual([]);
  world.facts = { ...world.facts, paused: undefined };
  await tick();
  expect(world.repaired).toEqual(['PUBLICATION_MISSING']);
});

test.each<[string, Partial<Facts>]>([
  ['PUBLICATION_ALTERED', { publicationFault: 'only some rows' }],
  ['SLOT_LOST', { slot: slot(false, 'lost') }],
  ['CONNECT_SILENT', { connectAnswers: false, connector: undefined }],
])('a pause does not clear the alarm %s, and the end of the fault does', async (name, facts) => {
  const { world, tick, tickFor } = watched(realRules);
  world.facts = { ...well, ...facts };
  await tickFor(20_000);
  expect([...world.alarms]).toContain(name);
  world.facts = { ...world.facts, paused: 'an operator', connector: facts.connectAnswers === false ? undefined : pausedConnector };
  await tickFor(60_000);
  expect([...world.alarms]).toContain(name);
  world.facts = { ...well, paused: 'an operator', connector: pausedConnector };
  await tick();
  expect([...world.alarms]).toEqual([]);
});

test.each<[string, Partial<Facts>]>([
  ['CONNECTOR_FAILED', { connector: failed }],
  ['SLOT_MISSING', { slot: undefined }],
  ['SLOT_UNREAD', { slot: slot(false, 'reserved') }],
])('an alarm that only a working connector can end, %s, outlasts a pause and a silent Connect', async (name, facts) => {
  const { world, tick, tickFor } = watched(realRules);
  world.facts = { ...well, ...facts };
  await tickFor(62_000);
  world.facts = { ...world.facts, paused: 'an operator', connector: pausedConnector };
  await tick();
  world.facts = { ...world.facts, paused: undefined, connectAnswers: false, connector: undefined };
  await tick();
  expect([...world.alarms]).toContain(name);
  world.facts = well;
  await tick();
  expect([...world.alarms]).toEqual([]);
});

test('a paused and deleted connector raises no alarm', async () => {
  const { world, tickFor } = watched(realRules);
  world.facts = { ...well, paused: 'an operator', connector: undefined };
  await tickFor(60_000);
  expect([...world.alarms]).toEqual([]);
});

test('a position that does not move is an alarm within a minute, then two restarts, then a new slot, until it moves', async () => {
  const { world, tickFor } = watched(realRules);
  await tickFor(600_000, 5000);
  expect(world.repaired).toEqual([]);
  world.still = true;
  await tickFor(30_000);
  expect([...world.alarms]).toEqual([]);
  await tickFor(20_000);
  expect([...world.alarms]).toEqual(['CONNECTOR_STUCK']);
  // A restart in between is not progress.
  world.facts = { ...well, connector: { ...running, tasks: [{ id: 0, state: 'RESTARTING' }] } };
  await tickFor(5000);
  expect([...world.alarms]).toEqual(['CONNECTOR_STUCK']);
  world.facts = well;
  await tickFor(60_000);
  expect(world.repaired).toEqual(['CONNECTOR_STUCK', 'CONNECTOR_STUCK 2', 'CONNECTOR_STUCK 3']);
  world.still = false;
  await tickFor(2000);
  expect([...world.alarms]).toEqual([]);
});

test('a connector that returns after a long absence is not stuck at once', async () => {
  const { world, tickFor } = watched(realRules);
  world.still = true;
  world.facts = { ...well, connectAnswers: false, connector: undefined, slot: slot(false, 'reserved') };
  await tickFor(600_000, 5000);
  world.facts = well;
  await tickFor(20_000);
  expect([...world.alarms]).toEqual([]);
});

test('an alarm lasts from the end of its patience until the fault ends', async () => {
  const { world, tick, tickFor } = watched(realRules);
  world.facts = { ...well, connectAnswers: false, connector: undefined };
  await tickFor(15_000);
  expect([...world.alarms]).toEqual([]);
  await tick();
  expect([...world.alarms]).toEqual(['CONNECT_SILENT']);
  world.facts = well;
  await tick();
  expect([...world.alarms]).toEqual([]);
});

test('reports the last cause of the trace', () => {
  const rule = realRules.find(({ name }) => name === 'CONNECTOR_FAILED');
  expect(rule?.wrong({ ...well, connector: failed }, 0)).toBe('task 0: java.Z: no disk');
});
