import { CONNECTOR_NAME } from '../contract/names.ts';
import { MAX_EVENT_BYTES, RECORD_OVERHEAD_BYTES } from '../contract/limits.ts';
import { check, type Check, type Grade, type Surroundings } from './check.ts';

// The configuration in force, which somebody may have changed in Connect. These keys decide about loss, order or
// flow; any other that differs from the file is CONNECTOR_DRIFT.

interface Rule {
  code: string;
  grade: Grade;
  key: string;
  /** Debezium's or Connect's own value where the key is not set. */
  fallback: string;
  /** Undefined: only the file's value. */
  fits?: (value: string) => boolean;
  why: string;
}

const rules: readonly Rule[] = [
  {
    code: 'ERRORS_TOLERANCE',
    grade: 'broken',
    key: 'errors.tolerance',
    fallback: 'none',
    why: 'With "all" a record that the producer refuses is dropped and its position confirmed, without an error.',
  },
  {
    code: 'FAILURE_MODE',
    grade: 'broken',
    key: 'event.processing.failure.handling.mode',
    fallback: 'fail',
    why: 'An event that cannot be decoded must stop the task; "warn" and "skip" pass over it.',
  },
  {
    code: 'OFFSET_STRATEGY',
    grade: 'broken',
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
    grade: 'broken',
    key: 'snapshot.mode',
    fallback: 'initial',
    why: 'Only when_needed publishes the waiting rows again after a lost slot, and only then.',
  },
  {
    code: 'SNAPSHOT_ORDER',
    grade: 'weak',
    key: 'snapshot.select.statement.overrides.public.zap_run_outbox',
    fallback: '',
    why: 'Without ORDER BY seq the events of a zap arrive mixed up after a lost slot.',
  },
  {
    code: 'HEARTBEAT',
    grade: 'weak',
    key: 'heartbeat.interval.ms',
    fallback: '0',
    fits: (value) => Number(value) > 0 && Number(value) <= 60_000,
    why: 'While the outbox is idle, only heartbeats confirm WAL that other tables write; without them it piles up.',
  },
  {
    code: 'TRANSACTION_METADATA',
    grade: 'weak',
    key: 'provide.transaction.metadata',
    fallback: 'false',
    why: 'Records that nobody reads, and what set off the loss of dbz#76.',
  },
  {
    code: 'POLL_INTERVAL',
    grade: 'weak',
    key: 'poll.interval.ms',
    fallback: '500',
    fits: (value) => Number(value) < 100,
    why: 'Most of the delay between COMMIT and Kafka.',
  },
  {
    code: 'TRANSACTION_BOUNDARY',
    grade: 'weak',
    key: 'transaction.boundary',
    fallback: 'poll',
    fits: (value) => value === 'poll',
    why: 'With exactly-once on, an event can be read once its transaction ends: after each poll, and not after an interval.',
  },
  {
    code: 'KEY_CONVERTER',
    grade: 'broken',
    key: 'key.converter',
    fallback: 'the worker’s',
    why: 'The bytes of the key choose the partition: another converter moves zaps to other partitions, and their order is lost.',
  },
  {
    code: 'VALUE_CONVERTER',
    grade: 'broken',
    key: 'value.converter',
    fallback: 'the worker’s',
    why: 'The finished record has to pass as it is; any other converter wraps it, no consumer can read it and no row is ever acknowledged.',
  },
  {
    code: 'HEADER_CONVERTER',
    grade: 'broken',
    key: 'header.converter',
    fallback: 'the worker’s',
    why: 'The header id is what cleanup finds the row by.',
  },
  {
    code: 'PRODUCER_LIMIT',
    grade: 'broken',
    key: 'producer.override.max.request.size',
    fallback: '1048576',
    fits: (value) => Number(value) >= MAX_EVENT_BYTES + RECORD_OVERHEAD_BYTES,
    why: 'One record that is refused stops all events.',
  },
  {
    code: 'ROUTED_TOPIC',
    grade: 'broken',
    key: 'transforms.outbox.route.topic.replacement',
    fallback: 'outbox.event.${routedByValue}',
    why: 'Consumers and cleanup read one topic; events for another wait for ever.',
  },
  {
    code: 'ROUTER_PREDICATE',
    grade: 'broken',
    key: 'transforms.outbox.predicate',
    fallback: 'none',
    why: 'The router may see rows of the outbox only; it judges anything else by columns that it lacks.',
  },
];

const again = `npm run register puts connect/outbox-connector.json in force again.`;
const inForce = ({ connect }: Surroundings) => connect.config(CONNECTOR_NAME);

export const configuration: readonly Check[] = [
  ...rules.map(({ key, fallback, fits, ...about }) =>
    check({
      ...about,
      needs: ['connect'],
      read: inForce,
      judge: (config, { connector }) => {
        const value = config?.[key] ?? fallback;
        if (config === undefined || (fits?.(value) ?? value === connector[key])) return undefined;
        return { found: `${key} is ${value || 'not set'}`, remedy: `It should be ${connector[key] ?? fallback}: ${again}` };
      },
    }),
  ),
  check({
    code: 'CONNECTOR_DRIFT',
    grade: 'weak',
    why: 'What runs is not what the file says; nobody reviewed it, and the next deployment changes it back.',
    needs: ['connect'],
    read: inForce,
    judge: (config, { connector }) => {
      if (config === undefined) return undefined;
      const judged = new Set(['name', ...rules.map(({ key }) => key)]);
      const differs = Object.keys({ ...connector, ...config }).filter((key) => !judged.has(key) && config[key] !== connector[key]);
      return differs.length === 0 ? undefined : { found: `other than in the file: ${differs.join(', ')}`, remedy: again };
    },
  }),
];
