-- Rows that were taken out of the outbox because they cannot be published, with the reason. outbox_requeue brings
-- them back. All columns of the outbox, so that nothing of the event is lost.
CREATE TABLE outbox_dead (
  id            uuid PRIMARY KEY,
  seq           bigint NOT NULL,
  aggregatetype text NOT NULL,
  aggregateid   text NOT NULL,
  type          text NOT NULL,
  payload       bytea NOT NULL,
  traceparent   text,
  resends       integer NOT NULL,
  created_at    timestamptz NOT NULL,
  reason        text NOT NULL,
  moved_at      timestamptz NOT NULL DEFAULT now()
);

-- What cleanup knows of the topic and of itself; one row per topic. It lies here and not in Kafka, as it has to notice
-- that Kafka is no longer what it was.
CREATE TABLE cleanup_state (
  topic          text PRIMARY KEY,
  cluster_id     text NOT NULL,
  -- Why nothing is deleted any more; NULL while all is well. Only the operator's accept-topic takes it back.
  stop_code      text,
  stop_detail    text,
  stopped_at     timestamptz,
  -- What the reconciler does or waits for, in words.
  reconciler     text NOT NULL DEFAULT 'not started',
  reconciler_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE cleanup_partition (
  topic          text NOT NULL,
  partition      integer NOT NULL,
  -- The highest end of the partition ever seen: a lower one means that records are gone.
  high_watermark bigint NOT NULL,
  -- The highest seq of a row that was deleted because its event had arrived; 0 when none was.
  arrived_seq    bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (topic, partition)
);

GRANT SELECT, INSERT, UPDATE ON cleanup_state, cleanup_partition TO outbox_cleanup;
GRANT SELECT ON outbox_dead TO outbox_cleanup;
GRANT SELECT ON outbox_dead TO outbox_operator;
GRANT SELECT, DELETE ON cleanup_state, cleanup_partition TO outbox_operator;
