-- The archive: one row per accepted webhook.
CREATE TABLE zap_run (
  id              uuid PRIMARY KEY,
  user_id         text NOT NULL,
  zap_id          text NOT NULL,
  -- json, not jsonb: keeps the text as it was sent; jsonb refuses \u0000 and lone surrogates and rounds numbers.
  metadata        json NOT NULL,
  headers         json NOT NULL,
  idempotency_key text,
  received_at     timestamptz(3) NOT NULL,
  traceparent     text,
  schema_id       integer NOT NULL,
  CONSTRAINT zap_run_user_id_check CHECK (user_id ~ '^[A-Za-z0-9_-]{1,64}$'),
  CONSTRAINT zap_run_zap_id_check CHECK (zap_id ~ '^[A-Za-z0-9_-]{1,64}$'),
  CONSTRAINT zap_run_idempotency_key_check CHECK (char_length(idempotency_key) BETWEEN 1 AND 255)
);

-- One run per idempotency key of a zap. Runs without a key do not collide: NULLs are distinct.
CREATE UNIQUE INDEX zap_run_user_id_zap_id_idempotency_key_key ON zap_run (user_id, zap_id, idempotency_key);

-- What is not yet acknowledged. No foreign key to zap_run: both rows come from one statement, and cleaning the
-- archive must not wait for the outbox.
CREATE TABLE zap_run_outbox (
  id            uuid PRIMARY KEY,
  -- Orders a re-snapshot. A gap or a late commit means nothing: no decision compares positions by it.
  seq           bigint GENERATED ALWAYS AS IDENTITY,
  aggregatetype text NOT NULL,
  aggregateid   text NOT NULL,
  type          text NOT NULL,
  payload       bytea NOT NULL,
  traceparent   text,
  resends       integer NOT NULL DEFAULT 0,
  created_at    timestamptz NOT NULL DEFAULT now(),
  -- What cannot be published cannot be committed.
  CONSTRAINT zap_run_outbox_aggregatetype_check CHECK (aggregatetype IN ('zap-run')),
  CONSTRAINT zap_run_outbox_aggregateid_check CHECK (char_length(aggregateid) BETWEEN 3 AND 129),
  CONSTRAINT zap_run_outbox_type_check CHECK (type ~ '^[A-Za-z][A-Za-z0-9.]{0,63}$'),
  CONSTRAINT zap_run_outbox_traceparent_check CHECK (char_length(traceparent) <= 256),
  -- 6: magic byte, schema id and at least one byte of Avro. 900,000: below Kafka's record limit (1 MiB by default)
  -- with room for key, headers and framing. A larger row would stop the connector for everybody.
  CONSTRAINT zap_run_outbox_payload_check CHECK (octet_length(payload) BETWEEN 6 AND 900000)
);

-- Which id the registry gave to a schema, so that ingest needs neither the registry nor Kafka.
CREATE TABLE event_schema (
  subject     text NOT NULL,
  fingerprint text NOT NULL,
  schema_id   integer NOT NULL,
  schema      text NOT NULL,
  PRIMARY KEY (subject, fingerprint),
  CONSTRAINT event_schema_fingerprint_check CHECK (fingerprint ~ '^[0-9a-f]{64}$'),
  CONSTRAINT event_schema_schema_id_check CHECK (schema_id > 0)
);
