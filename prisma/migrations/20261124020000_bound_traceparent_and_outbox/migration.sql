-- As on its twin in the outbox. Not validated here: the lock of this migration keeps writers out, so it must be short.
ALTER TABLE zap_run ADD CONSTRAINT zap_run_traceparent_check CHECK (char_length(traceparent) <= 256) NOT VALID;

-- ingest refuses webhooks while the outbox is larger on disk than a limit, so the files must shrink again after a
-- backlog. The lock for it is only tried for, never waited for, and given back as soon as somebody waits.
ALTER TABLE zap_run_outbox SET (vacuum_truncate = true, toast.vacuum_truncate = true);
