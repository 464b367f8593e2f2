// The outbox tables of the relays, as their documentation creates them. `make` is run before each measurement.

interface Table {
  make: string;
  /** $1: ids, $2: zaps, $3: the payload as JSON text. */
  insert: string;
  /** Counts those of the ids ($1) that are still to be sent. */
  waiting: string;
}

const from = 'FROM unnest($1::uuid[], $2::text[]) AS x (id, zap)';

export const tutorialTable: Table = {
  make: `
    DROP TABLE IF EXISTS tutorial_outbox;
    CREATE TABLE tutorial_outbox (
      id uuid PRIMARY KEY, zap_id text NOT NULL, payload json NOT NULL, created_at timestamptz NOT NULL DEFAULT now()
    )`,
  insert: `INSERT INTO tutorial_outbox (id, zap_id, payload) SELECT id, zap, $3::json ${from}`,
  waiting: 'SELECT count(*) AS n FROM tutorial_outbox WHERE id = ANY ($1)',
};

/**
 * Table, function and indexes of pg-transactional-outbox 0.5.7. They are made by the package's own
 * `DatabaseSetup`.
 *
 * @param setup the SQL that the package gives
 */
export const transactionalOutboxTable = (setup: string): Table => ({
  make: setup,
  insert: `INSERT INTO outbox (id, aggregate_type, aggregate_id, message_type, segment, payload)
           SELECT id, 'zap', zap, 'ZapRunCreated', zap, $3::jsonb ${from}`,
  waiting: 'SELECT count(*) AS n FROM outbox WHERE id = ANY ($1) AND processed_at IS NULL',
});

/** The table of Debezium's documentation of its outbox event router. */
export const debeziumTable = {
  make: `
    DROP TABLE IF EXISTS debezium_outbox;
    CREATE TABLE debezium_outbox (
      id uuid PRIMARY KEY, aggregatetype varchar(255) NOT NULL, aggregateid varchar(255) NOT NULL, type varchar(255) NOT NULL, payload jsonb
    )`,
  insert: `INSERT INTO debezium_outbox (id, aggregatetype, aggregateid, type, payload) SELECT id, 'debezium', zap, 'ZapRunCreated', $3::jsonb ${from}`,
};
