-- A row may be given up only while the pipeline is proven to work. The watchdog sees the connector and notes here what
-- it found; cleanup sees the topic and notes beside its own state when an event arrived other than its row.
ALTER TABLE connector_state
  ADD COLUMN looked_at timestamptz,
  -- Since when every look without a break found nothing wrong; NULL while something is.
  ADD COLUMN well_since timestamptz;
GRANT SELECT ON connector_state TO outbox_cleanup;

ALTER TABLE cleanup_state
  ADD COLUMN altered_at timestamptz,
  ADD COLUMN altered_id uuid;

ALTER TABLE cleanup_state DROP CONSTRAINT cleanup_state_reconciler_code_check;
ALTER TABLE cleanup_state ADD CONSTRAINT cleanup_state_reconciler_code_check CHECK (reconciler_code IN (
  'NOT_STARTED', 'IDLE', 'SLOT_MISSING', 'SLOT_LOST', 'SLOT_UNREAD', 'SLOT_UNCONFIRMED', 'CLEANUP_BEHIND', 'GROUP_BEHIND',
  'PIPELINE_FAULT'));

-- For partitions that an operator adds: noted before they are made, so that cleanup knows them.
GRANT INSERT ON cleanup_partition TO outbox_operator;
