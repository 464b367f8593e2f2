import { CONNECTOR_NAME, SLOT_NAME } from './names.ts';

// A connector reads one slot with one thread. Several shards share the outbox: each has a connector, a slot and a
// publication, and publishes the rows whose key hashes to it. A key belongs to one shard, so its order is kept.

/** Each shard decodes the whole WAL, so more shards cost Postgres more. */
export const MAX_SHARDS = 16;

/** One of the connectors that publish the outbox. */
export interface Shard {
  connector: string;
  slot: string;
  publication: string;
  /** `1of3`; undefined when there is only one. */
  label: string | undefined;
  /** SQL: whether a row of the outbox belongs to the shard; undefined: every row does. */
  filter: string | undefined;
}

/**
 * The shards of an outbox with `count` shards. A name has the number of the shard and their count, so a publication never
 * changes its rows under the same name.
 *
 * @param count 1 to MAX_SHARDS
 */
export function shardsOf(count: number): Shard[] {
  if (count === 1) return [{ connector: CONNECTOR_NAME, slot: SLOT_NAME, publication: SLOT_NAME, label: undefined, filter: undefined }];
  return Array.from({ length: count }, (_, index) => {
    const label = `${index + 1}of${count}`;
    const name = `${SLOT_NAME}_${label}`;
    return { connector: `${CONNECTOR_NAME}-${label}`, slot: name, publication: name, label, filter: shardFilter(index, count) };
  });
}

/** The only shard of an outbox that was never resharded. */
export const [ONLY_SHARD] = shardsOf(1) as [Shard];

/** As outbox_reshard() writes it. Postgres allows only built-in immutable functions in a publication's filter. */
const shardFilter = (index: number, count: number) => `(hashtextextended(aggregateid, 0) & 9223372036854775807) % ${count} = ${index}`;

/** Whether two filters are equal. Postgres prints a filter with casts and brackets, which are ignored. */
export const isSameFilter = (a: string | undefined, b: string | undefined): boolean => bare(a) === bare(b);
const bare = (filter: string | undefined) => filter?.replaceAll(/::bigint|['()\s]/g, '');

/** Whether a connector, slot or publication belongs to a shard, whatever their count. */
export const isOfAShard = (name: string): boolean => /^zap[-_]run[-_]outbox([-_]\d+of\d+)?$/.test(name);
