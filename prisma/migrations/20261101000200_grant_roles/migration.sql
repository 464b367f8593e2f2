-- Roles without a login. A deployment makes logins with passwords, each a member of one of them, so no password is
-- ever part of a migration. They belong to the cluster, not to the database: another database may have made them.
DO $$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['outbox_ingest', 'outbox_cdc', 'outbox_cleanup', 'outbox_operator'] LOOP
    BEGIN
      EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
      NULL; -- There already, or being made by another database's migration at this moment.
    END;
  END LOOP;
END
$$;

-- ingest writes both rows and reads back what it wrote. It never reads or deletes the outbox.
GRANT INSERT, SELECT ON zap_run TO outbox_ingest;
GRANT INSERT ON zap_run_outbox TO outbox_ingest;
GRANT SELECT ON event_schema TO outbox_ingest;

-- The connector streams the outbox, and reads it for a snapshot. REPLICATION is an attribute of its login.
GRANT SELECT ON zap_run_outbox TO outbox_cdc;

-- cleanup compares a row with the record that it read from Kafka, and deletes it.
GRANT SELECT, DELETE ON zap_run_outbox TO outbox_cleanup;

-- The operator registers the connector: it stores the schema's id and looks at the outbox.
GRANT SELECT, INSERT ON event_schema TO outbox_operator;
GRANT SELECT ON zap_run, zap_run_outbox TO outbox_operator;
