import { isOfAShard } from '../contract/shards.ts';
import { check, type Check, type CheckContext } from './check.ts';
import { lsn, readSlot, slotFault } from './state.ts';

const readOurs = ({ pool, shard }: CheckContext) => readSlot(pool, shard.slot);

const watchdog = 'The watchdog repairs it within seconds (npm run watch), unless the connector is paused.';

const slotMissing = check({
  code: 'SLOT_MISSING',
  grade: 'broken',
  why: 'Without its slot the connector streams nothing. No event is lost: with a new slot it publishes every waiting row.',
  needs: ['postgres'],
  read: readOurs,
  evaluate: (slot, { shard }) =>
    slotFault(slot) === 'SLOT_MISSING' ? { found: `the replication slot ${shard.slot} does not exist`, remedy: watchdog } : undefined,
});

const slotLost = check({
  code: 'SLOT_LOST',
  grade: 'broken',
  why: 'Its WAL is gone, and it can never be read again. Debezium would wait half an hour for it.',
  needs: ['postgres'],
  read: readOurs,
  evaluate: (slot, { shard }) =>
    slotFault(slot) === 'SLOT_LOST'
      ? {
          found: `the slot ${shard.slot} was invalidated`,
          remedy: `${watchdog} By hand: SELECT pg_drop_replication_slot('${shard.slot}');`,
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
  read: async ({ pool, shards }: CheckContext) =>
    (
      await pool.query<{ name: string; kept: string }>(
        `SELECT slot_name AS name, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::int8 AS kept
           FROM pg_catalog.pg_replication_slots
          WHERE NOT active AND slot_name <> ALL ($1) AND pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) >= $2 ORDER BY 2 DESC`,
        [shards.map(({ slot }) => slot), MUCH_BYTES],
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
    const offset = await context.connect.storedOffset(context.shard.connector);
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
      `SELECT bool_and(rolreplication OR rolsuper) AS drops FROM pg_proc JOIN pg_roles ON pg_roles.oid = proowner
       WHERE pg_proc.oid IN (to_regprocedure('public.outbox_drop_slot()'), to_regprocedure('public.outbox_drop_slot(text)'))
       HAVING count(*) = 2`,
    );
    return rows[0]?.drops;
  },
  evaluate: (drops) =>
    drops === true
      ? undefined
      : {
          found:
            drops === undefined
              ? 'the function outbox_drop_slot does not exist'
              : 'the owner of outbox_drop_slot() or outbox_drop_slot(text) has no REPLICATION',
          remedy:
            'Apply the migrations (npm run migrate). Then, as an administrator in this database: CREATE ROLE outbox_slot NOLOGIN REPLICATION; ' +
            'ALTER FUNCTION public.outbox_drop_slot() OWNER TO outbox_slot; ALTER FUNCTION public.outbox_drop_slot(text) OWNER TO outbox_slot;',
        },
});

/** What is left of another number of shards. */
const shardsLeft = check({
  code: 'SHARDS_LEFT',
  grade: 'broken',
  why: 'A change of the number of shards was not finished. What is left of the old ones publishes events twice, or holds WAL.',
  needs: ['postgres', 'connect'],
  read: async ({ pool, connect }: CheckContext) => {
    const sql = 'SELECT slot_name AS name FROM pg_replication_slots UNION SELECT pubname FROM pg_publication ORDER BY 1';
    return [...(await pool.query<{ name: string }>(sql)).rows.map(({ name }) => name), ...(await connect.names())];
  },
  evaluate: (names, { shards }) => {
    const current = new Set(shards.flatMap(({ slot, connector }) => [slot, connector]));
    const left = names.filter((name) => isOfAShard(name) && !current.has(name));
    return left.length === 0
      ? undefined
      : { found: `left of another number of shards: ${left.join(', ')}`, remedy: `npm run outbox -- reshard ${shards.length}` };
  },
});

/** About each shard's slot, in the order in which a finding explains those after it. */
export const slotChecks: readonly Check[] = [slotMissing, slotLost, slotUnread, slotReserve, slotAhead];

/** About all slots. */
export const allSlotsChecks: readonly Check[] = [slotRole, otherSlots, shardsLeft];
