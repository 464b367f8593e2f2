-- Brings runs back that only the topic knows, as after a restore of Postgres from an older backup. The caller decodes the
-- records. Nothing goes into the outbox: the events were published. Idempotency keys are not in events, so these runs have
-- none. A run that exists is left alone. Returns the ids that were put in.
CREATE FUNCTION outbox_import_runs(
  ids uuid[], user_ids text[], zap_ids text[], metadatas text[], header_maps text[],
  times timestamptz[], traceparents text[], schema_ids integer[]
) RETURNS SETOF uuid
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO public.zap_run (id, user_id, zap_id, metadata, headers, received_at, traceparent, schema_id)
  SELECT x.id, x.user_id, x.zap_id, x.metadata::json, x.headers::json, x.received_at, x.traceparent, x.schema_id
    FROM unnest(ids, user_ids, zap_ids, metadatas, header_maps, times, traceparents, schema_ids)
      AS x (id, user_id, zap_id, metadata, headers, received_at, traceparent, schema_id)
  ON CONFLICT (id) DO NOTHING
  RETURNING id
$$;
REVOKE ALL ON FUNCTION outbox_import_runs(uuid[], text[], text[], text[], text[], timestamptz[], text[], integer[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outbox_import_runs(uuid[], text[], text[], text[], text[], timestamptz[], text[], integer[]) TO outbox_operator;
