-- Puts events of the archive into the outbox again, with the id that they have. The caller brings the record's value,
-- encoded from the run; key, type and trace come from the run itself, so that nothing but a run's own event can be
-- sent. A run whose row still waits, or was buried, is left alone. Returns the ids that were put in.
CREATE FUNCTION outbox_replay(ids uuid[], payloads bytea[]) RETURNS SETOF uuid
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO public.zap_run_outbox (id, aggregatetype, aggregateid, type, payload, traceparent)
  SELECT r.id, 'zap-run', r.user_id || '/' || r.zap_id, 'ZapRunCreated', x.payload, r.traceparent
    FROM unnest(ids, payloads) WITH ORDINALITY AS x (id, payload, position)
    JOIN public.zap_run r ON r.id = x.id
   WHERE NOT EXISTS (SELECT FROM public.outbox_dead d WHERE d.id = r.id)
   ORDER BY x.position
  ON CONFLICT (id) DO NOTHING
  RETURNING id
$$;
REVOKE ALL ON FUNCTION outbox_replay(uuid[], bytea[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outbox_replay(uuid[], bytea[]) TO outbox_operator;
