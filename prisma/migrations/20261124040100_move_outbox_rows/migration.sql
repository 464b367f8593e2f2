-- Rows move only through these functions: nobody but ingest and the owner may insert into the outbox. They run as the
-- owner; the search path is fixed, so that no table of a caller's can stand in for ours.

-- Publishes rows again: deleted and inserted in one transaction with the same id, the same bytes and the time they
-- were accepted at; resends is one higher, seq is new. Ids that are not in the outbox are passed over.
-- One statement: the insert sees the row of the same id as deleted.
CREATE FUNCTION outbox_resend(ids uuid[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  moved integer;
BEGIN
  WITH taken AS (
    DELETE FROM public.zap_run_outbox WHERE id = ANY (ids) RETURNING *
  )
  INSERT INTO public.zap_run_outbox (id, aggregatetype, aggregateid, type, payload, traceparent, resends, created_at)
  SELECT id, aggregatetype, aggregateid, type, payload, traceparent, resends + 1, created_at FROM taken ORDER BY seq;
  GET DIAGNOSTICS moved = ROW_COUNT;
  RETURN moved;
END
$$;

-- Takes rows out of the outbox that cannot be published. Ids that are not in the outbox are passed over.
CREATE FUNCTION outbox_bury(ids uuid[], why text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  moved integer;
BEGIN
  WITH taken AS (
    DELETE FROM public.zap_run_outbox WHERE id = ANY (ids) RETURNING *
  )
  INSERT INTO public.outbox_dead
    (id, seq, aggregatetype, aggregateid, type, payload, traceparent, resends, created_at, reason)
  SELECT id, seq, aggregatetype, aggregateid, type, payload, traceparent, resends, created_at, why FROM taken
  -- It was brought back, and buried once more before the first burial was seen.
  ON CONFLICT (id) DO UPDATE SET reason = excluded.reason, moved_at = excluded.moved_at, resends = excluded.resends;
  GET DIAGNOSTICS moved = ROW_COUNT;
  RETURN moved;
END
$$;

-- Brings buried rows back, in their order. resends is one higher, as the event now comes after younger ones. A row
-- whose id is in the outbox again already (a replay) is only taken off the dead. Returns how many left outbox_dead.
CREATE FUNCTION outbox_requeue(ids uuid[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  moved integer;
BEGIN
  WITH taken AS (
    DELETE FROM public.outbox_dead WHERE id = ANY (ids) RETURNING *
  ), returned AS (
    INSERT INTO public.zap_run_outbox (id, aggregatetype, aggregateid, type, payload, traceparent, resends, created_at)
    SELECT id, aggregatetype, aggregateid, type, payload, traceparent, resends + 1, created_at FROM taken ORDER BY seq
    ON CONFLICT (id) DO NOTHING
  )
  SELECT count(*) INTO moved FROM taken;
  RETURN moved;
END
$$;

REVOKE ALL ON FUNCTION outbox_resend(uuid[]), outbox_bury(uuid[], text), outbox_requeue(uuid[]) FROM PUBLIC;
-- The operator buries what is too large for Kafka, and brings back what was buried.
GRANT EXECUTE ON FUNCTION outbox_resend(uuid[]), outbox_bury(uuid[], text) TO outbox_cleanup;
GRANT EXECUTE ON FUNCTION outbox_bury(uuid[], text), outbox_requeue(uuid[]) TO outbox_operator;
