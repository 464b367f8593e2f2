import type { Goal, Spread } from '../bench/figures.ts';
import type { Machine } from '../bench/machine.ts';
import type { PeerResult, Peers } from '../bench/peers/result.ts';
import { isMeasured, resultOf, type Growth, type Limits } from './peers-result.ts';

// The part of docs/performance.md that compares the project with its limits and with what people would use instead.

const table = (head: string[], rows: string[][]) => [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`);
const goalTable = (goals: readonly Goal[]) =>
  table(['Goal', 'Measured', ''], goals.map(({ goal, measured, met }) => [goal, measured, met ? 'met' : '🔴 not met'])); // prettier-ignore
const whole = ({ median, least, most }: Spread) =>
  least === most ? thousands(median) : `${thousands(median)} (${thousands(least)}–${thousands(most)})`;
const thousands = (value: number) => (value < 10 && !Number.isInteger(value) ? value.toFixed(1) : Math.round(value).toLocaleString('en'));
const on = ({ date, cpus, cpu, loadBefore }: Machine) =>
  `on ${date.slice(0, 10)} with ${cpus} cores (${cpu}), load average before the run ${loadBefore.toFixed(1)}`;

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

/** Empty for what was not measured. */
export function comparison(): string {
  const [measuredPeers, measuredLimits, measuredGrowth] = [resultOf('peers'), resultOf('limits'), resultOf('growth')];
  const parts = [
    measuredPeers === undefined ? [] : peers(measuredPeers),
    measuredLimits === undefined ? [] : limits(measuredLimits),
    measuredGrowth === undefined ? [] : growth(measuredGrowth),
  ];
  return parts.filter((part) => part.length > 0).map((part) => part.join('\n')).join('\n\n'); // prettier-ignore
}
