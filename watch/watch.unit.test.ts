import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { ConnectorStatus } from '../kit/connect-api.ts';
import type { Facts } from './facts.ts';
import type { Tools } from './repairs.ts';
import { rules as realRules, type Rule } from './rules.ts';
import { createWatch } from './watch.ts';

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
  publication: { oid: 7, fits: true },
  knownPublicationOid: 7,
  slot: { active: true, lost: false, retainedBytes: 0, confirmed: '0/1' },
  snapshot: false,
  waits: false,
  connectAnswers: true,
  connector: running,
};

/** A watch with a clock of its own, over facts that the test sets. */
function watched(rules: readonly Rule[], outcome: () => Promise<string> = async () => 'done') {
  const world = { now: 0, facts: well, repaired: [] as string[], failed: 0, alarms: new Set<string>() };
  const spied = rules.map((rule) => ({
    ...rule,
    ...(rule.repair && {
      repair: () => {
        world.repaired.push(rule.name);
        return outcome();
      },
    }),
  }));
  const look = createWatch({
    rules: spied,
    readFacts: async () => world.facts,
    tools: {} as Tools,
    metrics: {
      look: () => undefined,
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
  const lookFor = async (ms: number, everyMs = 1000) => {
    for (let passed = 0; passed < ms; passed += everyMs) {
      await look();
      world.now += everyMs;
    }
  };
  return { world, look, lookFor };
}

test.each<[string, Partial<Facts>]>([
  ['nothing', {}],
  ['publication-missing', { publication: undefined }],
  ['publication-altered', { publication: { oid: 7, fits: false } }],
  ['publication-remade', { publication: { oid: 8, fits: true } }],
  ['slot-lost', { slot: { active: false, lost: true, retainedBytes: 0, confirmed: '0/1' } }],
  ['connector-missing', { connector: undefined }],
  ['failed', { connector: failed }],
  ['too-large', { connector: refused }],
  ['slot-missing', { slot: undefined }],
  ['slot-unread', { slot: { active: false, lost: false, retainedBytes: 0, confirmed: '0/1' } }],
  ['nothing', { slot: { active: false, lost: false, retainedBytes: 0, confirmed: '0/1' }, snapshot: true }],
  ['nothing', { connector: undefined, connectAnswers: false }],
  ['nothing', { slot: undefined, connector: { ...running, tasks: [] } }],
])('repairs first: %s', async (expected, facts) => {
  const { world, lookFor } = watched(realRules);
  world.facts = { ...well, ...facts };
  await lookFor(61_000);
  expect(world.repaired[0] ?? 'nothing').toBe(expected);
});

test('mends the cause before what it leads to, one thing at a time', async () => {
  const { world, look } = watched(realRules);
  world.facts = { ...well, publication: undefined, slot: undefined, connector: failed };
  expect(await look()).toBe(true);
  world.facts = { ...world.facts, publication: { oid: 8, fits: true } };
  await look();
  world.facts = { ...world.facts, knownPublicationOid: 8 };
  await look();
  world.facts = well;
  expect(await look()).toBe(false);
  expect(world.repaired).toEqual(['publication-missing', 'publication-remade', 'failed']);
});

test('waits longer from one repair in vain to the next, and starts over after a quiet time', async () => {
  const { world, lookFor } = watched(realRules.filter(({ name }) => name === 'failed'));
  world.facts = { ...well, connector: failed };
  await lookFor(75_000);
  // At 0, 10, 30 and 70 seconds.
  expect(world.repaired).toHaveLength(4);
  world.facts = well;
  await lookFor(200_000);
  world.facts = { ...well, connector: failed };
  await lookFor(15_000);
  expect(world.repaired).toHaveLength(6);
});

test('does not hurry a task that is RUNNING for a moment between two failures', async () => {
  const { world, lookFor } = watched(realRules.filter(({ name }) => name === 'failed'));
  for (let n = 0; n < 30; n += 1) {
    world.facts = { ...well, connector: n % 2 === 0 ? failed : running };
    await lookFor(1000);
  }
  expect(world.repaired).toHaveLength(2);
});

test('a repair that throws is counted, and made again like one that did not help', async () => {
  const { world, lookFor } = watched(realRules, async () => Promise.reject(new Error('no')));
  world.facts = { ...well, publication: undefined };
  await lookFor(12_000);
  expect(world.repaired).toEqual(['publication-missing', 'publication-missing']);
  expect(world.failed).toBe(2);
});

test('touches nothing and raises no alarm while paused, and takes up its work afterwards', async () => {
  const { world, look, lookFor } = watched(realRules);
  world.facts = { ...well, paused: 'an operator', publication: undefined, slot: undefined, connector: failed };
  await lookFor(600_000, 10_000);
  expect(world.repaired).toEqual([]);
  expect([...world.alarms]).toEqual([]);
  world.facts = { ...world.facts, paused: undefined };
  await look();
  expect(world.repaired).toEqual(['publication-missing']);
});

test('restarts a task that confirms nothing for two minutes while rows wait, at growing intervals, until it moves on', async () => {
  const { world, lookFor } = watched(realRules);
  const beat = (n: number) => ({ ...well, waits: true, slot: { active: true, lost: false, retainedBytes: 0, confirmed: `0/${n}` } });
  for (let n = 0; n < 100; n += 1) {
    world.facts = beat(n);
    await lookFor(10_000, 5000);
  }
  expect(world.repaired).toEqual([]);
  await lookFor(110_000);
  expect(world.repaired).toEqual([]);
  await lookFor(40_000);
  expect(world.repaired).toEqual(['stuck', 'stuck', 'stuck']);
  expect([...world.alarms]).toEqual(['stuck']);
  world.facts = beat(0);
  await lookFor(1000);
  expect([...world.alarms]).toEqual([]);
  world.facts = { ...beat(0), waits: false };
  await lookFor(600_000, 5000);
  expect(world.repaired).toHaveLength(3);
});

test('an alarm is up from when the patience is over until all is well', async () => {
  const { world, look, lookFor } = watched(realRules);
  world.facts = { ...well, connectAnswers: false, connector: undefined };
  await lookFor(15_000);
  expect([...world.alarms]).toEqual([]);
  await look();
  expect([...world.alarms]).toEqual(['connect-silent']);
  world.facts = well;
  await look();
  expect([...world.alarms]).toEqual([]);
});

test('names the cause that the trace ends with', () => {
  const rule = realRules.find(({ name }) => name === 'failed');
  expect(rule?.wrong({ ...well, connector: failed })).toBe('task 0: java.Z: no disk');
});
