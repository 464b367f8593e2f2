import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { administratorSettings, settings } from './config.ts';
import { withAdmin } from './kafka.ts';
import { describeVerbs, operate } from './program.ts';

// Ports on which nothing listens.
const given = {
  DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none',
  CONNECT_URL: 'http://127.0.0.1:1',
  KAFKA_BROKERS: '127.0.0.1:1',
  REGISTRY_URL: 'http://127.0.0.1:1',
};
const nowhere = settings.parse(given);
const read = { operator: () => nowhere, administrator: () => administratorSettings.parse(given) };

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

async function outbox(...args: string[]): Promise<Outcome> {
  let [stdout, stderr] = ['', ''];
  const output = { say: (line: string) => void (stdout += `${line}\n`), warn: (line: string) => void (stderr += `${line}\n`) };
  return { code: await operate(args, read, output), stdout, stderr };
}

/** Runs the command line as a process without settings. */
async function main(...args: string[]): Promise<Outcome> {
  const env = { ...process.env, DATABASE_URL: '', STACK_DIR: 'none' };
  return promisify(execFile)(process.execPath, ['--import', 'tsx', 'operate/main.ts', ...args], { env }).then(
    (outcome) => ({ code: 0, ...outcome }),
    (error: unknown) => error as Outcome,
  );
}

describe('help', () => {
  test.each([
    ['nothing', []],
    ['--help', ['--help']],
    ['help', ['help']],
    ['help of a verb', ['help', 'replay']],
    ['a verb with --help', ['replay', '--help']],
    ['a subcommand with -h', ['actions', 'dead', 'replay', '-h']],
  ])('by %s ends with 0, on stdout', async (_by, args) => {
    const { code, stdout, stderr } = await outbox(...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^Usage: npm run outbox -- /);
  });

  test('needs no setting, and an invalid setting is reported without a stack trace', { timeout: 60_000 }, async () => {
    const [help, refused] = await Promise.all([main('replay', '--help'), main('status')]);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/^SETTINGS_INVALID: .*\n {2}DATABASE_URL is not set: .*\n$/);
  });

  test('lists every verb with its description and its options', () => {
    expect(describeVerbs().length).toBeGreaterThan(15);
    for (const { usage, about } of describeVerbs()) expect([usage, about.length > 10]).toEqual([usage, true]);
  });
});

const id = '019309c2-0000-7000-8000-000000000000';

describe('invalid arguments', () => {
  test.each<[string, string[], RegExp]>([
    ['an unknown verb', ['bogus'], /^USAGE: unknown command 'bogus'/],
    ['a name that every object has', ['constructor'], /^USAGE: unknown command 'constructor'/],
    ['another such name', ['__proto__'], /^USAGE: unknown command '__proto__'/],
    ['the same below a verb', ['actions', 'toString'], /^USAGE: unknown command 'toString'/],
    ['a verb that needs another word', ['buried'], /^Usage: /],
    ['an unknown option', ['status', '--bogus'], /^USAGE: unknown option '--bogus'/],
    ['an argument of a verb that takes none', ['accept-topic', 'now'], /^USAGE: too many arguments/],
    ['an argument too many', ['explain', id, id], /^USAGE: too many arguments/],
    ['a zap without a slash', ['replay', '--zap', 'u', '--since', '1h'], /^USAGE: option '--zap <userId\/zapId>' argument 'u' is invalid/],
    ['no time', ['rebuild'], /^USAGE: required option '--since <time>' not specified/],
    ['an invalid time', ['reconcile', '--since', 'soon'], /^USAGE: .* 'soon' is invalid. Expected a time such as/],
    ['an invalid id', ['explain', 'x'], /^USAGE: .* 'x' is invalid for argument 'id'. Expected the id of a run/],
    ['a reason without words', ['pause', '--because', ''], /^USAGE: .* is invalid. Expected 1 to 500 characters/],
    ['an invalid number of partitions', ['repartition', '0'], /^USAGE: .* '0' is invalid for argument 'count'. Expected a number/],
    ['an invalid duration', ['repartition', '9', '--within', 'long'], /^USAGE: .* 'long' is invalid. Expected a duration/],
  ])('%s: one line that names it, exit code 2', async (_what, args, expected) => {
    const { code, stdout, stderr } = await outbox(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(expected);
  });

  test.each<[string, string[]]>([
    ['ids and --all at once', ['buried', 'requeue', id, '--all']],
    ['the same by the old name of the verb', ['dead', 'requeue', id, '--all']],
    ['neither ids nor --all', ['buried', 'requeue']],
    ['a replay without a selection', ['actions', 'dead', 'replay']],
    ['a discard without a selection', ['actions', 'dead', 'discard']],
    ['a rerun without a time', ['actions', 'rerun', '--zap', 'u/z']],
    ['neither zap nor run', ['erase']],
    ['neither print nor apply', ['bootstrap']],
    ['print and apply at once', ['bootstrap', '--print', '--apply']],
    ['both zap and run', ['erase', '--run', id, '--zap', 'u/z']],
  ])('%s: a usage error before any connection is opened', async (_what, args) => {
    const { code, stderr } = await outbox(...args);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/^USAGE: [^\n]+\n$/) as string });
  });
});

/** Valid arguments of every verb of the command line. */
const fitting: Record<string, string[]> = {
  status: [],
  doctor: [],
  pause: [],
  resume: [],
  'buried list': [],
  'buried requeue': ['--all'],
  replay: ['--zap', 'u/z', '--since', '2h'],
  rebuild: ['--since', '90s'],
  import: ['--since', '2h', '--dry-run'],
  explain: [id],
  reconcile: ['--since', '2026-11-24'],
  'accept-topic': [],
  repartition: ['12', '--within', '5m'],
  reshard: ['3'],
  'actions dead list': ['--since', '2h'],
  'actions dead replay': ['--since', '7d'],
  'actions dead discard': ['--all'],
  'actions rerun': ['--zap', 'u/z', '--since', '30m'],
  'actions targets': [],
  'actions enable': ['--target', 'x'],
  erase: ['--zap', 'u/z'],
  bootstrap: ['--apply'],
};
/** Verbs that report an unreachable system as one line among others. */
const describing = new Set(['status', 'doctor']);

describe('without Postgres', () => {
  test('every verb of the command line is tested', () => {
    const words = (usage: string) => usage.replace(/ [<[-].*$/, '');
    expect(describeVerbs().map(({ usage }) => words(usage))).toEqual(Object.keys(fitting));
  });

  test.each(Object.entries(fitting).filter(([verb]) => !describing.has(verb)))('%s reports it with one code', async (verb, args) => {
    const { code, stderr } = await outbox(...verb.split(' '), ...args);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/^POSTGRES_UNREACHABLE: [^\n]+\n$/) as string });
  });
});

test('an admin without Kafka throws one code', async () => {
  await expect(withAdmin(nowhere, (admin) => admin.listTopics())).rejects.toMatchObject({ code: 'KAFKA_UNREACHABLE' });
});
