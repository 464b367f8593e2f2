-- A row means "this event, these bytes, not yet acknowledged". Changing one would make the row and the record that
-- was already published differ, and the connector publishes inserts only: an UPDATE would be lost without a trace.
CREATE FUNCTION zap_run_outbox_refuse_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'zap_run_outbox is insert and delete only: UPDATE refused'
    USING ERRCODE = 'restrict_violation',
          HINT = 'Delete the row and insert it again with the same id; only inserts are published.';
END
$$;

-- For each statement, so that an UPDATE that meets no row is refused as well.
CREATE TRIGGER zap_run_outbox_no_update BEFORE UPDATE ON zap_run_outbox
  FOR EACH STATEMENT EXECUTE FUNCTION zap_run_outbox_refuse_update();

-- The table is a queue: every row is deleted soon after it was inserted. The default (a fifth of the table) would
-- vacuum far too late after a backlog and never keep pace with a steady flow.
ALTER TABLE zap_run_outbox SET (
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_insert_scale_factor = 0,
  autovacuum_vacuum_insert_threshold = 50000,
  autovacuum_analyze_scale_factor = 0,
  autovacuum_analyze_threshold = 50000,
  -- Not throttled: the table is small, and a vacuum that falls behind makes every delete slower.
  autovacuum_vacuum_cost_delay = 0,
  -- Truncating takes an ACCESS EXCLUSIVE lock, under which posts would wait; the space is used again anyway.
  vacuum_truncate = false,
  -- Payloads over about 2 KB live in the TOAST table, which has settings of its own.
  toast.autovacuum_vacuum_scale_factor = 0,
  toast.autovacuum_vacuum_threshold = 5000,
  toast.autovacuum_vacuum_cost_delay = 0,
  toast.vacuum_truncate = false
);

-- What the connector streams. Inserts only: the deletes of the cleanup would be decoded and sent only to be dropped.
CREATE PUBLICATION zap_run_outbox FOR TABLE zap_run_outbox WITH (publish = 'insert');
