import { CONNECTOR_NAME } from '../contract/names.ts';
import { PRODUCER_LIMIT } from '../contract/limits.ts';
import type { ConnectorConfig } from '../kit/connect-api.ts';
import { check, type Check, type Grade, type CheckContext } from './check.ts';

// The configuration in force, which somebody may have changed in Connect. For these keys it is known what a change leads
// to; any other that differs from the file is CONNECTOR_ALTERED or CONNECTOR_DRIFT.

interface Rule {
  code: string;
  grade: Grade;
  key: string;
  /** Debezium's or Connect's own value where the key is not set. */
  fallback: string;
  why: string;
}

const rules: readonly Rule[] = [
  {
    code: 'ERRORS_TOLERANCE',
    grade: 'unsafe',
    key: 'errors.tolerance',
    fallback: 'none',
    why: 'With "all" a record that the producer refuses is dropped and its position confirmed, without an error.',
  },
  {
    code: 'FAILURE_MODE',
    grade: 'unsafe',
    key: 'event.processing.failure.handling.mode',
    fallback: 'fail',
    why: 'An event that cannot be decoded must stop the task; "warn" and "skip" pass over it.',
  },
  {
    code: 'OFFSET_STRATEGY',
    grade: 'unsafe',
    key: 'offset.mismatch.strategy',
    fallback: 'no_validation',
    why: 'The other strategies skip what lies between the stored position and the slot, and switch off the check by which a gap is noticed.',
  },
  {
    code: 'LSN_FLUSH',
    grade: 'broken',
    key: 'lsn.flush.mode',
    fallback: 'connector',
    why: 'The slot must be confirmed only up to what Kafka acknowledged; "manual" never confirms, and WAL grows.',
  },
  {
    code: 'SNAPSHOT_MODE',
    grade: 'unsafe',
    key: 'snapshot.mode',
    fallback: 'initial',
    why: 'Only when_needed publishes the waiting rows again after a lost slot, and only then.',
  },
  {
    code: 'SNAPSHOT_ORDER',
    grade: 'unsafe',
    key: 'snapshot.select.statement.overrides.public.zap_run_outbox',
    fallback: '',
    why: 'Without ORDER BY seq the events of a zap arrive mixed up after a lost slot.',
  },
  {
    code: 'HEARTBEAT',
    grade: 'broken',
    key: 'heartbeat.interval.ms',
    fallback: '0',
    why: 'While the outbox is idle, only heartbeats confirm WAL that other tables write; without them it piles up.',
  },
  {
    code: 'TRANSACTION_METADATA',
    grade: 'broken',
    key: 'provide.transaction.metadata',
    fallback: 'false',
    why: 'Records that nobody reads, and what set off the loss of dbz#76.',
  },
  {
    code: 'POLL_INTERVAL',
    grade: 'broken',
    key: 'poll.interval.ms',
    fallback: '500',
    why: 'Most of the delay between COMMIT and Kafka.',
  },
  {
    code: 'TRANSACTION_BOUNDARY',
    grade: 'broken',
    key: 'transaction.boundary',
    fallback: 'poll',
    why: 'With exactly-once on, an event can be read once its transaction ends: after each poll, and not after an interval.',
  },
  {
    code: 'KEY_CONVERTER',
    grade: 'unsafe',
    key: 'key.converter',
    fallback: 'the worker’s',
    why: 'The bytes of the key choose the partition: another converter moves zaps to other partitions, and their order is lost.',
  },
  {
    code: 'VALUE_CONVERTER',
    grade: 'unsafe',
    key: 'value.converter',
    fallback: 'the worker’s',
    why: 'The finished record has to pass as it is; any other converter wraps it, no consumer can read it and no row is ever acknowledged.',
  },
  {
    code: 'HEADER_CONVERTER',
    grade: 'unsafe',
    key: 'header.converter',
    fallback: 'the worker’s',
    why: 'The header id is what cleanup finds the row by.',
  },
  {
    code: 'PRODUCER_LIMIT',
    grade: 'broken',
    key: PRODUCER_LIMIT.key,
    fallback: String(PRODUCER_LIMIT.fallback),
    why: 'One record that is refused stops all events.',
  },
  {
    code: 'ROUTED_TOPIC',
    grade: 'unsafe',
    key: 'transforms.outbox.route.topic.replacement',
    fallback: 'outbox.event.${routedByValue}',
    why: 'Consumers and cleanup read one topic; events for another wait for ever.',
  },
  {
    code: 'ROUTER_PREDICATE',
    grade: 'unsafe',
    key: 'transforms.outbox.predicate',
    fallback: 'none',
    why: 'The router may see rows of the outbox only; it judges anything else by columns that it lacks.',
  },
];

/** Whoever changes one of these changes which rows are published, where, under which key or with which bytes. */
const MEANING =
  /^(name$|connector\.class|database\.(hostname|port|dbname)|topic\.|plugin|slot\.(name|drop)|publication|(table|column|schema)\.|snapshot|offset\.|skipped|binary|event\.|errors\.tolerance|transforms|predicates|(key|value|header)\.converter|post\.processors|converters|time\.|decimal)/;

const again =
  'The watchdog puts connect/outbox-connector.json back within a minute, unless PUT_BACK is false; npm run register does at once.';
const inForce = ({ connect }: CheckContext) => connect.config(CONNECTOR_NAME);

/** @returns the keys in which the configuration in force differs from the file */
export function drift(config: ConnectorConfig, file: ConnectorConfig): string[] {
  return Object.keys({ ...file, ...config })
    .filter((key) => key !== 'name' && config[key] !== file[key])
    .sort();
}

const others =
  (concerns: (key: string) => boolean) =>
  (config: ConnectorConfig | undefined, { connector }: Pick<CheckContext, 'connector'>) => {
    const judged = new Set(rules.map(({ key }) => key));
    const keys = config === undefined ? [] : drift(config, connector).filter((key) => !judged.has(key) && concerns(key));
    return keys.length === 0 ? undefined : { found: `other than in the file: ${keys.join(', ')}`, remedy: again };
  };

export const configuration: readonly Check[] = [
  ...rules.map(({ key, fallback, ...about }) =>
    check({
      ...about,
      needs: ['connect'],
      read: inForce,
      evaluate: (config, { connector }) => {
        const [value, wanted] = [config?.[key] ?? fallback, connector[key] ?? fallback];
        if (config === undefined || value === wanted) return undefined;
        return { found: `${key} is ${value || 'not set'}`, remedy: `It should be ${wanted}. ${again}` };
      },
    }),
  ),
  check({
    code: 'CONNECTOR_ALTERED',
    grade: 'unsafe',
    why: 'Rows may be published under another key, with other bytes, elsewhere, or not at all.',
    needs: ['connect'],
    read: inForce,
    evaluate: others((key) => MEANING.test(key)),
  }),
  check({
    code: 'CONNECTOR_DRIFT',
    grade: 'broken',
    why: 'What runs is not what the file says; nobody reviewed it.',
    needs: ['connect'],
    read: inForce,
    evaluate: others((key) => !MEANING.test(key)),
  }),
];
