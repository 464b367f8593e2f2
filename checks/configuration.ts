import { PRODUCER_LIMIT } from '../contract/limits.ts';
import type { ConnectorConfig } from '../kit/connect-api.ts';
import { check, type Check, type Grade, type CheckContext } from './check.ts';

// The active configuration, which somebody may have changed in Connect. The effect of a change to these keys is known.
// Any other difference from the file is CONNECTOR_ALTERED or CONNECTOR_DRIFT.

interface Rule {
  code: string;
  grade: Grade;
  key: string;
  /** The default of Debezium or Connect. */
  fallback: string;
  why: string;
}

const rules: readonly Rule[] = [
  {
    code: 'ERRORS_TOLERANCE',
    grade: 'unsafe',
    key: 'errors.tolerance',
    fallback: 'none',
    why: 'With "all", a record that the producer refuses is dropped and its position confirmed without an error.',
  },
  {
    code: 'FAILURE_MODE',
    grade: 'unsafe',
    key: 'event.processing.failure.handling.mode',
    fallback: 'fail',
    why: 'An event that cannot be decoded must stop the task; "warn" and "skip" drop it.',
  },
  {
    code: 'OFFSET_STRATEGY',
    grade: 'unsafe',
    key: 'offset.mismatch.strategy',
    fallback: 'no_validation',
    why: 'The other strategies skip the WAL between the stored position and the slot, and disable the check that detects a gap.',
  },
  {
    code: 'LSN_FLUSH',
    grade: 'broken',
    key: 'lsn.flush.mode',
    fallback: 'connector',
    why: 'The slot must be confirmed only up to what Kafka acknowledged. "manual" never confirms, and WAL grows.',
  },
  {
    code: 'SNAPSHOT_MODE',
    grade: 'unsafe',
    key: 'snapshot.mode',
    fallback: 'initial',
    why: 'Only when_needed publishes the waiting rows again after a lost slot, and not otherwise.',
  },
  {
    code: 'SNAPSHOT_ORDER',
    grade: 'unsafe',
    key: 'snapshot.select.statement.overrides.public.zap_run_outbox',
    fallback: '',
    why: 'Without ORDER BY seq the events of a zap arrive out of order after a lost slot.',
  },
  {
    code: 'HEARTBEAT',
    grade: 'broken',
    key: 'heartbeat.interval.ms',
    fallback: '0',
    why: 'While the outbox is idle, only heartbeats confirm the WAL of other tables; without them it piles up.',
  },
  {
    code: 'TRANSACTION_METADATA',
    grade: 'broken',
    key: 'provide.transaction.metadata',
    fallback: 'false',
    why: 'They add records that nobody reads, and they triggered the loss of dbz#76.',
  },
  {
    code: 'POLL_INTERVAL',
    grade: 'broken',
    key: 'poll.interval.ms',
    fallback: '500',
    why: 'It causes most of the delay between COMMIT and Kafka.',
  },
  {
    code: 'TRANSACTION_BOUNDARY',
    grade: 'broken',
    key: 'transaction.boundary',
    fallback: 'poll',
    why: 'With exactly-once, an event can be read once its transaction ends. That must be after each poll, not after an interval.',
  },
  {
    code: 'KEY_CONVERTER',
    grade: 'unsafe',
    key: 'key.converter',
    fallback: 'the worker’s',
    why: 'The bytes of the key choose the partition. Another converter moves zaps to other partitions, and their order is lost.',
  },
  {
    code: 'VALUE_CONVERTER',
    grade: 'unsafe',
    key: 'value.converter',
    fallback: 'the worker’s',
    why: 'The finished record must pass unchanged. Any other converter wraps it: no consumer can read it, and no row is ever acknowledged.',
  },
  {
    code: 'HEADER_CONVERTER',
    grade: 'unsafe',
    key: 'header.converter',
    fallback: 'the worker’s',
    why: 'Cleanup finds the row by the header id.',
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
    why: 'Consumers and cleanup read one topic; events on another are never read.',
  },
  {
    code: 'ROUTER_PREDICATE',
    grade: 'unsafe',
    key: 'transforms.outbox.predicate',
    fallback: 'none',
    why: 'The router may see only rows of the outbox: other records lack the columns that it routes by.',
  },
];

/** These keys decide which rows are published, where, under which key and with which bytes. */
const MEANING =
  /^(name$|connector\.class|database\.(hostname|port|dbname)|topic\.|plugin|slot\.(name|drop)|publication|(table|column|schema)\.|snapshot|offset\.|skipped|binary|event\.|errors\.tolerance|transforms|predicates|(key|value|header)\.converter|post\.processors|converters|time\.|decimal)/;

const again =
  'The watchdog restores connect/outbox-connector.json within a minute, unless PUT_BACK is false. npm run register restores it at once.';
const inForce = ({ connect, shard }: CheckContext) => connect.config(shard.connector);

/** @returns the keys in which the active configuration differs from the file */
export function drift(config: ConnectorConfig, file: ConnectorConfig): string[] {
  return Object.keys({ ...file, ...config })
    .filter((key) => key !== 'name' && config[key] !== file[key])
    .sort();
}

const others =
  (concerns: (key: string) => boolean) =>
  (config: ConnectorConfig | undefined, { connector }: Pick<CheckContext, 'connector'>) => {
    const checked = new Set(rules.map(({ key }) => key));
    const keys = config === undefined ? [] : drift(config, connector).filter((key) => !checked.has(key) && concerns(key));
    return keys.length === 0 ? undefined : { found: `these keys differ from the file: ${keys.join(', ')}`, remedy: again };
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
    why: 'The connector runs with settings that nobody reviewed.',
    needs: ['connect'],
    read: inForce,
    evaluate: others((key) => !MEANING.test(key)),
  }),
];
