import type { Spread } from '../bench/figures.ts';
import type { PeerResult, Peers } from '../bench/peers/result.ts';
import { chainFigures } from './chain-figures.ts';
import { goalTable, on, table, thousands, whole } from './markdown.ts';
import { isMeasured, resultOf, type Backlog, type Growth, type Ingest, type Limits } from './results.ts';

// The part of docs/performance.md that compares the project with its limits and with what people would use instead.

function peerRow(peer: PeerResult): string[] {
  if (!isMeasured(peer))
    return [
      `${peer.title} (${peer.version})`,
      `does not work: ${peer.failed?.[0] ?? 'not measured'}`,
      ...Array.from({ length: 7 }, () => ''),
    ];
  const { title, version, steady, drain, memoryMb, kill } = peer;
  // What had not arrived counts with its age, so these are lower bounds.
  const ms = (value: Spread) => `${steady.keepsUp ? '' : '≥ '}${whole(value)}`;
  const waiting = kill.waiting > 0 ? `, ${thousands(kill.waiting)} still waiting` : '';
  return [
    `${title} (${version})`,
    whole(drain.perSecond),
    `${whole(steady.delivered)}${steady.keepsUp ? '' : ', falls behind'}`,
    ms(steady.p50),
    ms(steady.p99),
    `${whole(steady.cpuMicros)} / ${whole(drain.cpuMicros)}`,
    whole(memoryMb),
    `${kill.lost}${waiting} of ${thousands(kill.events)}`,
    `${thousands(kill.repeated)} / ${thousands(kill.reordered)}`,
  ];
}

function peers(result: Peers): string[] {
  const { contestants, goals, rate, backlogRows, waitSeconds, versions } = result;
  const rounds = Math.max(...contestants.map((peer) => peer.rounds ?? 0));
  return [
    `The same job for each: rows of an outbox table, 400 bytes, to Kafka with acks=all. Measured by \`npm run bench:peers\` ${on(result)}, Postgres ${versions.postgres}, Kafka ${versions.kafka}, ${rounds === 1 ? 'one round' : `${rounds} interleaved rounds: medians, spread in brackets`}. What each is and how it is set up is in [bench/peers/](../bench/peers/README.md).`,
    '',
    ...[
      '![Events per second out of a backlog](plots/peers-throughput.svg)',
      '',
      '![Latency from COMMIT to a consumer](plots/peers-latency.svg)',
      '',
    ],
    ...table(
      [
        'Relay',
        `Backlog of ${thousands(backlogRows)}, events/s`,
        `At ${rate} rows/s, events/s`,
        'p50, ms',
        'p99, ms',
        'CPU per event at that rate / out of the backlog, µs',
        'Memory, MB',
        `Lost after ${rounds === 1 ? 'one kill -9' : `${rounds} × kill -9`}`,
        'Repeated / reordered',
      ],
      contestants.map(peerRow),
    ),
    '',
    `Latency is from COMMIT's reply to a reader of the topic; at the steady rate. CPU and memory are those of the relay's processes, for this project Connect and cleanup, which deletes the rows meanwhile; Debezium leaves them in its table. A relay that falls behind has lower bounds of latency. Still waiting: in its table ${waitSeconds.kill} seconds after the kill, to be sent later.`,
    '',
    ...goalTable(goals),
  ];
}

function limits(result: Limits): string[] {
  const rows: [keyof Limits['share'], string][] = [
    ['insert', 'rows into the outbox, 1,000 per statement'],
    ['decode', 'rows that Postgres decodes with pgoutput, sent nowhere'],
    ['producer', "records of Kafka's own producer tool, 500 bytes, acks=all"],
  ];
  return [
    `The whole chain does ${whole(result.chain)} events/s beside what its parts do alone in the same run (\`npm run bench:limits\`, ${on(result)}):`,
    '',
    ...table(
      ['Limit', 'Per second', 'Share of it'],
      rows.map(([name, what]) => [what, whole(result[name]), `${(result.share[name] * 100).toFixed(0)} %`]),
    ),
  ];
}

function growth(result: Growth): string[] {
  return [
    `The chain under full load until ${thousands(result.events)} events were accepted (\`npm run bench:growth\`, ${on(result)}). The size of the outbox is that of the rows that wait and of those deleted since the last vacuum, so it follows the rate:`,
    '',
    '![Rows in the outbox under full load](plots/outbox-depth.svg)',
    '',
    ...table(
      ['Accepted events', 'Accepted per second', 'Rows in the outbox, at most', 'Size of the outbox, at most'],
      result.atEach.map(({ events, perSecond, depth, sizeMb }) => [
        thousands(events),
        thousands(perSecond),
        thousands(depth),
        `${sizeMb.toFixed(1)} MB`,
      ]),
    ),
    '',
    ...goalTable(result.goals),
  ];
}

function backlog(result: Backlog): string[] {
  const { rows, startSeconds, publishedPerSecond, emptiedPerSecond, goals } = result;
  return [
    `After Connect was down, ${thousands(rows)} rows waited (\`npm run bench:backlog\`, ${on(result)}). Its first record came ${startSeconds.toFixed(1)} s after its start. From then on it published ${thousands(publishedPerSecond)} rows/s, and ${thousands(emptiedPerSecond)} rows/s until both groups and cleanup were done and the outbox was empty:`,
    '',
    ...goalTable(goals),
  ];
}

function ratios(results: [string, Ingest][]): string[] {
  const times = (value: number) => value.toFixed(2);
  return [
    'Which ratios travel: `npm run bench:ingest` with both cores, and with a quota of one core for everything (a cgroup).',
    '',
    ...table(
      ['', 'Bare server, per second', 'Ingest, per second', 'of the bare server', 'times pgbench', 'times an interactive transaction'],
      results.map(([name, { perSecond, ofBare, timesPgbench, timesTransaction }]) => [
        name,
        whole(perSecond.bare),
        whole(perSecond.ours),
        ...[ofBare, timesPgbench, timesTransaction].map(times),
      ]),
    ),
  ];
}

/** The section for a result; empty for what was not measured. */
const section = <T>(result: T | undefined, write: (measured: T) => string[]) => (result === undefined ? [] : write(result));

/** All sections about the whole chain and its alternatives. */
export function comparison(): string {
  const [both, half] = [resultOf('ingest'), resultOf('ingest-half')];
  const parts = [
    section(resultOf('chain'), chainFigures),
    section(resultOf('backlog'), backlog),
    section(resultOf('growth'), growth),
    section(resultOf('limits'), limits),
    section(half, (measured) => ratios([...(both === undefined ? [] : [['two cores', both] as [string, Ingest]]), ['one core', measured]])),
    section(resultOf('peers'), peers),
  ];
  return parts.filter((part) => part.length > 0).map((part) => part.join('\n')).join('\n\n'); // prettier-ignore
}
