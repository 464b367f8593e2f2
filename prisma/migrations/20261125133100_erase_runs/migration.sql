-- Erases a person's data: runs, their dead letters, and what the action consumer keeps of them.
--
-- A run whose row is in the outbox is left alone. Its event was promised, and deleting the row would not stop it: the
-- WAL has it, and the connector publishes from there. So is a run with a call that is due, unless cancel_calls. A
-- call of a disabled target is not due: nobody will make it. A dead event is erased, though it was never published.
--
-- Locks first, then looks with a new snapshot: a replay or a requeue that is under way is waited for and then seen,
-- and one that comes later finds no run. So no event can be in the outbox without its run.
CREATE FUNCTION outbox_erase(
  ids uuid[], cancel_calls boolean, dry_run boolean,
  OUT erased integer, OUT waiting integer, OUT due integer, OUT dead integer
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  free uuid[];
BEGIN
  IF NOT dry_run THEN
    PERFORM FROM public.zap_run r WHERE r.id = ANY (ids) ORDER BY r.id FOR UPDATE;
    PERFORM FROM public.outbox_dead d WHERE d.id = ANY (ids) ORDER BY d.id FOR UPDATE;
    PERFORM FROM actions.event e WHERE e.id = ANY (ids) ORDER BY e.id FOR UPDATE;
  END IF;
  SELECT coalesce(array_agg(x.id) FILTER (WHERE x.state = 'free'), '{}'),
         count(*) FILTER (WHERE x.state = 'waiting'), count(*) FILTER (WHERE x.state = 'due')
    INTO free, waiting, due
    FROM (
      SELECT k.id, CASE
          WHEN EXISTS (SELECT FROM public.zap_run_outbox o WHERE o.id = k.id) THEN 'waiting'
          WHEN NOT cancel_calls AND EXISTS (
            SELECT FROM actions.delivery l WHERE l.event_id = k.id AND l.state = 'pending'
               AND NOT EXISTS (SELECT FROM actions.disabled_target t WHERE t.target = l.target)) THEN 'due'
          ELSE 'free' END AS state
        FROM (SELECT r.id FROM public.zap_run r WHERE r.id = ANY (ids)
              UNION SELECT d.id FROM public.outbox_dead d WHERE d.id = ANY (ids)
              UNION SELECT e.id FROM actions.event e WHERE e.id = ANY (ids)) AS k
    ) AS x;
  erased := cardinality(free);
  SELECT count(*) INTO dead FROM public.outbox_dead d WHERE d.id = ANY (free);
  IF NOT dry_run THEN
    DELETE FROM public.outbox_dead d WHERE d.id = ANY (free);
    DELETE FROM actions.event e WHERE e.id = ANY (free);
    DELETE FROM public.zap_run r WHERE r.id = ANY (free);
  END IF;
END
$$;
REVOKE ALL ON FUNCTION outbox_erase(uuid[], boolean, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outbox_erase(uuid[], boolean, boolean) TO outbox_operator;

-- As before, but it locks the runs: what is being erased is not sent again.
CREATE OR REPLACE FUNCTION outbox_replay(ids uuid[], payloads bytea[]) RETURNS SETOF uuid
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH run AS MATERIALIZED (
    SELECT r.id, r.user_id || '/' || r.zap_id AS key, r.traceparent FROM public.zap_run r WHERE r.id = ANY (ids) FOR SHARE
  )
  INSERT INTO public.zap_run_outbox (id, aggregatetype, aggregateid, type, payload, traceparent)
  SELECT r.id, 'zap-run', r.key, 'ZapRunCreated', x.payload, r.traceparent
    FROM unnest(ids, payloads) WITH ORDINALITY AS x (id, payload, position)
    JOIN run r ON r.id = x.id
   WHERE NOT EXISTS (SELECT FROM public.outbox_dead d WHERE d.id = r.id)
   ORDER BY x.position
  ON CONFLICT (id) DO NOTHING
  RETURNING id
$$;
