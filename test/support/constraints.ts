import { randomUUID } from 'node:crypto';
import { uniqueName } from './names.ts';

/** A row of each table that its constraints accept. */
export const rows = {
  zap_run: () => ({
    id: randomUUID(),
    user_id: 'u',
    zap_id: 'z',
    metadata: '{}',
    headers: '{}',
    idempotency_key: null as string | null,
    received_at: new Date(),
    schema_id: 1,
  }),
  zap_run_outbox: () => ({
    id: randomUUID(),
    aggregatetype: 'zap-run',
    aggregateid: 'u/z',
    type: 'ZapRunCreated',
    payload: Buffer.alloc(6),
  }),
  outbox_dead: () => ({
    ...{ id: randomUUID(), seq: 1, aggregatetype: 'zap-run', aggregateid: 'u/z', type: 'ZapRunCreated', payload: Buffer.alloc(6) },
    ...{ resends: 0, created_at: new Date(), code: 'LOST', reason: 'a test' },
  }),
  cleanup_state: () => ({ topic: uniqueName('topic'), cluster_id: 'c', reconciler_code: 'IDLE' }),
  event_schema: () => ({ subject: uniqueName('subject'), fingerprint: '0'.repeat(64), schema_id: 1, schema: '{}' }),
};
type Table = keyof typeof rows;

// Empty, too long, with a slash, a dot, a blank, a letter beyond ASCII, a line end that `$` might pass over.
const notAnId = ['', 'a'.repeat(65), 'a/b', 'a.b', 'a b', 'é', 'a\n', '\na'];
const anId = ['a', 'a'.repeat(64), 'Az09_-'];

const traceparents = { refused: ['t'.repeat(257)], accepted: [null, '', 't'.repeat(256)] };

export const checks: { constraint: string; table: Table; column: string; refused: unknown[]; accepted: unknown[] }[] = [
  { constraint: 'zap_run_user_id_check', table: 'zap_run', column: 'user_id', refused: notAnId, accepted: anId },
  { constraint: 'zap_run_zap_id_check', table: 'zap_run', column: 'zap_id', refused: notAnId, accepted: anId },
  {
    constraint: 'zap_run_idempotency_key_check',
    table: 'zap_run',
    column: 'idempotency_key',
    refused: ['', 'k'.repeat(256)],
    accepted: [null, 'k', 'é'.repeat(255)],
  },
  { constraint: 'zap_run_traceparent_check', table: 'zap_run', column: 'traceparent', ...traceparents },
  {
    constraint: 'zap_run_outbox_aggregatetype_check',
    table: 'zap_run_outbox',
    column: 'aggregatetype',
    refused: ['', 'other', 'Zap-Run', 'zap-run ', 'zap-run\n'],
    accepted: ['zap-run'],
  },
  {
    constraint: 'zap_run_outbox_aggregateid_check',
    table: 'zap_run_outbox',
    column: 'aggregateid',
    refused: ['', 'u/', 'u'.repeat(130)],
    accepted: ['u/z', `${'u'.repeat(64)}/${'z'.repeat(64)}`],
  },
  {
    constraint: 'zap_run_outbox_type_check',
    table: 'zap_run_outbox',
    column: 'type',
    refused: ['', '1Created', '.Created', 'Zap Run', 'Zap-Run', 'Zap\n', 'Z'.repeat(65)],
    accepted: ['Z', 'zap.Run2', 'Z'.repeat(64)],
  },
  { constraint: 'zap_run_outbox_traceparent_check', table: 'zap_run_outbox', column: 'traceparent', ...traceparents },
  {
    constraint: 'zap_run_outbox_payload_check',
    table: 'zap_run_outbox',
    column: 'payload',
    refused: [Buffer.alloc(0), Buffer.alloc(5), Buffer.alloc(900_001)],
    accepted: [Buffer.alloc(6), Buffer.alloc(900_000)],
  },
  {
    constraint: 'event_schema_fingerprint_check',
    table: 'event_schema',
    column: 'fingerprint',
    refused: ['', 'a'.repeat(63), 'a'.repeat(65), 'A'.repeat(64), 'g'.repeat(64), `${'a'.repeat(64)}\n`],
    accepted: ['0123456789abcdef'.repeat(4)],
  },
  {
    constraint: 'event_schema_schema_id_check',
    table: 'event_schema',
    column: 'schema_id',
    refused: [0, -1],
    accepted: [1, 2_147_483_647],
  },
  {
    constraint: 'outbox_dead_code_check',
    table: 'outbox_dead',
    column: 'code',
    refused: ['', 'lost', 'LOST\n'],
    accepted: ['LOST', 'TOO_LARGE', 'BY_HAND'],
  },
  {
    constraint: 'cleanup_state_reconciler_code_check',
    table: 'cleanup_state',
    column: 'reconciler_code',
    refused: ['', 'idle', 'not started'],
    accepted: ['NOT_STARTED', 'IDLE', 'SLOT_MISSING', 'SLOT_LOST', 'SLOT_UNREAD', 'SLOT_UNCONFIRMED', 'CLEANUP_BEHIND', 'GROUP_BEHIND'],
  },
];
