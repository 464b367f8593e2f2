-- What is known about the connector beyond Connect's own memory. One row, and nobody but the owner may add another.
CREATE TABLE connector_state (
  connector       text PRIMARY KEY,
  -- Set by an operator who wants it left alone. Connect forgets a pause together with a deleted connector.
  paused_at       timestamptz,
  paused_because  text,
  -- The publication that the slot can decode with. Decoding sees the catalog as it was when a change was written: a
  -- publication made later does not exist for it, whatever its name, so its oid tells that the slot has to go.
  publication_oid oid NOT NULL
);
INSERT INTO connector_state (connector, publication_oid)
  SELECT 'zap-run-outbox', oid FROM pg_publication WHERE pubname = 'zap_run_outbox';

GRANT SELECT, UPDATE ON connector_state TO outbox_operator;

-- Only the owner may make a publication of the table, and no service that runs all day holds the owner's password.
CREATE FUNCTION outbox_restore_publication() RETURNS text
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  every_table boolean;
BEGIN
  SELECT puballtables INTO every_table FROM pg_publication WHERE pubname = 'zap_run_outbox';
  IF every_table IS NOT NULL AND NOT every_table THEN
    -- Kept where it can be: a publication that is dropped and made again cannot decode what was written before.
    ALTER PUBLICATION zap_run_outbox SET TABLE public.zap_run_outbox;
    ALTER PUBLICATION zap_run_outbox SET (publish = 'insert', publish_via_partition_root = false);
    RETURN 'altered';
  END IF;
  -- FOR ALL TABLES cannot be narrowed.
  DROP PUBLICATION IF EXISTS zap_run_outbox;
  CREATE PUBLICATION zap_run_outbox FOR TABLE public.zap_run_outbox WITH (publish = 'insert');
  RETURN 'made';
END
$$;
REVOKE ALL ON FUNCTION outbox_restore_publication() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outbox_restore_publication() TO outbox_operator;
