import { CONNECTOR_NAME, SLOT_NAME } from '../contract/names.ts';
import { check, type Check, type CheckContext } from './check.ts';
import { lsn, readSlot, slotFault } from './state.ts';

const readOurs = ({ pool }: CheckContext) => readSlot(pool);

const watchdog = 'The watchdog repairs it within seconds (npm run watch), unless the connector is paused.';

const slotMissing = check({
  code: 'SLOT_MISSING',
  grade: 'broken',
  why: 'Without its slot the connector streams nothing. No event is lost: with a new slot it publishes every waiting row.',
  needs: ['postgres'],
  read: readOurs,
  evaluate: (slot) =>
    slotFault(slot) === 'SLOT_MISSING' ? { found: `the replication slot ${SLOT_NAME} does not exist`, remedy: watchdog } : undefined,
});

const slotLost = check({
  code: 'SLOT_LOST',
  grade: 'broken',
  why: 'Its WAL is gone, and it can never be read again. Debezium would wait half an hour for it.',
  needs: ['postgres'],
  read: readOurs,
  evaluate: (slot) =>
    slotFault(slot) === 'SLOT_LOST'
      ? {
          found: `the slot ${SLOT_NAME} was invalidated`,
          remedy: `${watchdog} By hand: SELECT pg_drop_replication_slot('${SLOT_NAME}');`,
        }
      : undefined,
});

const slotUnread = check({
  code: 'SLOT_UNREAD',
  grade: 'broken',
  why: 'Nobody reads the slot: events wait in the outbox, and Postgres keeps WAL for it.',
  needs: ['postgres'],
  read: readOurs,
  evaluate: (slot) =>
    slotFault(slot) === 'SLOT_UNREAD'
      ? {
          found: `the slot is not active and keeps ${slot?.keptBytes} bytes of WAL`,
          remedy: 'Check that Connect runs and the connector is RUNNING: npm run outbox -- status',
        }
      : undefined,
});

const slotReserve = check({
  code: 'SLOT_RESERVE',
  grade: 'weak',
  why: 'Once max_slot_wal_keep_size is used up, the slot is invalidated and all waiting rows are sent again.',
  needs: ['postgres'],
  read: readOurs,
  evaluate: (slot) => {
    if (slot?.safeBytes === undefined || slotFault(slot) === 'SLOT_LOST') return undefined;
    const { safeBytes: safe, keptBytes: kept } = slot;
    if (safe > kept && slot.walStatus !== 'unreserved') return undefined;
    return {
      found: `the slot keeps ${kept} bytes of WAL, ${Math.max(0, safe)} are left`,
      remedy: 'See why the connector does not keep up (npm run outbox -- status), or raise max_slot_wal_keep_size.',
    };
  },
});

/** A restarting standby leaves less than this. */
const MUCH_BYTES = 64 * 1024 * 1024;

const otherSlots = check({
  code: 'OTHER_SLOTS',
  grade: 'weak',
  why: 'A slot that nobody reads holds WAL of the whole server, until max_slot_wal_keep_size, or until the disk is full and Postgres stops.',
  needs: ['postgres'],
  read: async ({ pool }: CheckContext) =>
    (
      await pool.query<{ name: string; kept: string }>(
        `SELECT slot_name AS name, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::int8 AS kept
           FROM pg_catalog.pg_replication_slots
          WHERE NOT active AND slot_name <> $1 AND pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) >= $2 ORDER BY 2 DESC`,
        [SLOT_NAME, MUCH_BYTES],
      )
    ).rows,
  evaluate: (slots) => {
    if (slots.length === 0) return undefined;
    const found = slots.map(({ name, kept }) => `${name} keeps ${Math.round(Number(kept) / 1024 / 1024)} MiB of WAL`).join(', ');
    const [first] = slots;
    return {
      found: `other slots that nobody reads: ${found}`,
      remedy: `Ask whose it is. If nobody needs it, as an administrator: SELECT pg_drop_replication_slot('${first?.name}');`,
    };
  },
});

interface Positions {
  confirmed: bigint | undefined;
  stored: bigint | undefined;
}

const slotAhead = check({
  code: 'SLOT_AHEAD',
  grade: 'broken',
  why: 'Somebody advanced the slot past events that the connector had not sent. Their rows are still in the outbox and are sent again.',
  needs: ['postgres', 'connect'],
  read: async (context): Promise<Positions> => {
    // The slot is read first: it is confirmed up to a position that Connect had stored, so one read later cannot be behind it.
    const slot = await readOurs(context);
    const offset = await context.connect.storedOffset(CONNECTOR_NAME);
    // The connector stores several positions; the furthest is the acknowledged one.
    const known = [offset?.lsn, offset?.lsn_proc, offset?.lsn_commit].filter((one) => typeof one === 'number').map(BigInt);
    return {
      confirmed: slot?.confirmed === undefined ? undefined : lsn(slot.confirmed),
      stored: known.length === 0 ? undefined : known.reduce((a, b) => (b > a ? b : a)),
    };
  },
  evaluate: ({ confirmed, stored }) =>
    confirmed === undefined || stored === undefined || confirmed <= stored
      ? undefined
      : {
          found: `the slot is confirmed ${confirmed - stored} bytes beyond what Connect has stored`,
          remedy: 'Restart the connector: it detects the gap and publishes all waiting rows. Never call pg_replication_slot_advance.',
        },
});

const slotRole = check({
  code: 'SLOT_ROLE',
  grade: 'broken',
  why: 'The watchdog cannot drop a lost slot, and nothing is published.',
  needs: ['postgres'],
  read: async ({ pool }) => {
    const { rows } = await pool.query<{ drops: boolean }>(
      `SELECT rolreplication OR rolsuper AS drops FROM pg_proc JOIN pg_roles ON pg_roles.oid = proowner
       WHERE pg_proc.oid = to_regprocedure('public.outbox_drop_slot()')`,
    );
    return rows[0]?.drops;
  },
  evaluate: (drops) =>
    drops === true
      ? undefined
      : {
          found:
            drops === undefined ? 'the function outbox_drop_slot does not exist' : 'the owner of outbox_drop_slot() has no REPLICATION',
          remedy:
            'Apply the migrations (npm run migrate). Then, as an administrator in this database: CREATE ROLE outbox_slot NOLOGIN REPLICATION; ' +
            'ALTER FUNCTION public.outbox_drop_slot() OWNER TO outbox_slot;',
        },
});

/** In the order in which a finding explains those after it. */
export const slotChecks: readonly Check[] = [slotMissing, slotLost, slotUnread, slotReserve, slotAhead, slotRole, otherSlots];
