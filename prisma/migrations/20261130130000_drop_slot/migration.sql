-- The watchdog drops the slot when it can never be read again. REPLICATION would let its login do so, and also decode
-- everything that is written to the database. This function may do the one thing, for whoever is an outbox_operator.
CREATE FUNCTION public.outbox_drop_slot() RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$ SELECT pg_drop_replication_slot('zap_run_outbox') $$;
REVOKE ALL ON FUNCTION public.outbox_drop_slot() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.outbox_drop_slot() TO outbox_operator;

-- REPLICATION counts for the function's owner. Migrations cannot make a role that has it, so the deployment does
-- (outbox_slot, without a login). Where it did not, the doctor names the statements (SLOT_ROLE).
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'outbox_slot' AND pg_has_role(oid, 'SET')) THEN
    GRANT CREATE ON SCHEMA public TO outbox_slot;
    ALTER FUNCTION public.outbox_drop_slot() OWNER TO outbox_slot;
    REVOKE CREATE ON SCHEMA public FROM outbox_slot;
  END IF;
END
$$;
