-- Ends runs that are older than they are kept. cleanup may delete from the archive only in this way: whole days, one
-- bounded batch a call, never a run whose event still waits in the outbox or is dead and may be brought back.
--
-- The ids begin with the time at which ingest made them, so a range of the primary key finds the oldest whatever the
-- size of the table. received_at is asked as well: a wrong clock, or an id of another kind, must not end a run early.
--
-- after: where the last batch ended, so that runs that are left alone are not read again for each batch.
-- SKIP LOCKED: a run that is being replayed or erased waits for the next round. Locks first, then looks with a new
-- snapshot: a replay that has ended meanwhile is seen.
CREATE FUNCTION outbox_purge_runs(keep_days integer, after uuid, most integer, OUT purged integer, OUT seen integer, OUT last uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  before timestamptz := now() - make_interval(days => keep_days);
  -- The lowest UUIDv7 of that moment: 48 bits of milliseconds.
  bound uuid := rpad(lpad(to_hex(floor(extract(epoch FROM before) * 1000)::bigint), 12, '0'), 32, '0')::uuid;
  old uuid[];
BEGIN
  IF keep_days < 1 OR most NOT BETWEEN 1 AND 2000 THEN
    RAISE EXCEPTION 'at least one day is kept, and at most 2000 runs go at once' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT array_agg(x.id ORDER BY x.id) INTO old FROM (
    SELECT r.id FROM public.zap_run r
     WHERE r.id > after AND r.id < bound AND r.received_at < before
     ORDER BY r.id LIMIT most FOR UPDATE SKIP LOCKED
  ) AS x;
  seen := coalesce(cardinality(old), 0);
  last := old[seen];
  DELETE FROM public.zap_run r
   WHERE r.id = ANY (old)
     AND NOT EXISTS (SELECT FROM public.zap_run_outbox o WHERE o.id = r.id)
     AND NOT EXISTS (SELECT FROM public.outbox_dead d WHERE d.id = r.id);
  GET DIAGNOSTICS purged = ROW_COUNT;
END
$$;
REVOKE ALL ON FUNCTION outbox_purge_runs(integer, uuid, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outbox_purge_runs(integer, uuid, integer) TO outbox_cleanup;

-- A day's runs go each day. The default would let a fifth of the table die before it is vacuumed.
ALTER TABLE zap_run SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 10000);
