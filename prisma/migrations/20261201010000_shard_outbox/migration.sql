-- Several connectors can share the outbox. Each has a row in connector_state, a slot, and a publication of the rows whose
-- key hashes to it (contract/shards.ts). One connector keeps the names that it had before.
COMMENT ON TABLE connector_state IS 'One row for each connector; outbox_reshard() makes and removes them.';

-- The reconciler asks which slots there are.
GRANT SELECT (connector) ON connector_state TO outbox_cleanup;

CREATE FUNCTION outbox_make_shard(shard text) RETURNS text
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  part text[] := regexp_match(shard, '^zap_run_outbox_(\d+)of(\d+)$');
  filter text := '';
  every_table boolean;
BEGIN
  IF part IS NOT NULL AND part[1]::int BETWEEN 1 AND part[2]::int AND part[2]::int BETWEEN 2 AND 16 THEN
    filter := format(' WHERE ((hashtextextended(aggregateid, 0) & 9223372036854775807) %% %s = %s)', part[2]::int, part[1]::int - 1);
  ELSIF shard <> 'zap_run_outbox' THEN
    RAISE EXCEPTION '% is not the publication of a shard', shard USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT puballtables INTO every_table FROM pg_publication WHERE pubname = shard;
  IF every_table IS NOT NULL AND NOT every_table THEN
    -- Kept where it can be: a publication that is dropped and made again cannot decode what was written before.
    EXECUTE format('ALTER PUBLICATION %I SET TABLE public.zap_run_outbox%s', shard, filter);
    EXECUTE format('ALTER PUBLICATION %I SET (publish = ''insert'', publish_via_partition_root = false)', shard);
    RETURN 'altered';
  END IF;
  -- FOR ALL TABLES cannot be narrowed.
  EXECUTE format('DROP PUBLICATION IF EXISTS %I', shard);
  EXECUTE format('CREATE PUBLICATION %I FOR TABLE public.zap_run_outbox%s WITH (publish = ''insert'')', shard, filter);
  RETURN 'made';
END
$$;
REVOKE ALL ON FUNCTION outbox_make_shard(text) FROM PUBLIC;

-- Restores the publication of a connector that exists.
CREATE FUNCTION outbox_restore_publication(shard text) RETURNS text
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM public.connector_state WHERE replace(connector, '-', '_') = shard) THEN
    RAISE EXCEPTION 'there is no connector for %', shard USING ERRCODE = 'invalid_parameter_value';
  END IF;
  RETURN public.outbox_make_shard(shard);
END
$$;
REVOKE ALL ON FUNCTION outbox_restore_publication(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outbox_restore_publication(text) TO outbox_operator;

-- Makes the publications of `shards` connectors and removes all others, in one transaction. A pause stays. It leaves slots
-- and connectors alone: `outbox reshard` replaces them, and the new ones publish every row that waits.
CREATE FUNCTION outbox_reshard(shards int) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  names text[];
  name text;
BEGIN
  IF shards IS NULL OR shards NOT BETWEEN 1 AND 16 THEN
    RAISE EXCEPTION 'between 1 and 16 shards, not %', shards USING ERRCODE = 'invalid_parameter_value';
  END IF;
  LOCK TABLE public.connector_state IN EXCLUSIVE MODE;
  names := CASE shards WHEN 1 THEN ARRAY['zap_run_outbox']
    ELSE ARRAY(SELECT 'zap_run_outbox_' || i || 'of' || shards FROM generate_series(1, shards) AS i) END;
  FOREACH name IN ARRAY names LOOP
    CONTINUE WHEN EXISTS (SELECT FROM public.connector_state WHERE replace(connector, '-', '_') = name);
    PERFORM public.outbox_make_shard(name);
    INSERT INTO public.connector_state (connector, paused_at, paused_because, publication_oid)
      SELECT replace(name, '_', '-'), min(paused_at), min(paused_because), (SELECT oid FROM pg_publication WHERE pubname = name)
        FROM public.connector_state;
  END LOOP;
  DELETE FROM public.connector_state WHERE replace(connector, '-', '_') <> ALL (names);
  FOR name IN SELECT pubname FROM pg_publication WHERE pubname ~ '^zap_run_outbox(_\d+of\d+)?$' AND pubname <> ALL (names) LOOP
    EXECUTE format('DROP PUBLICATION %I', name);
  END LOOP;
END
$$;
REVOKE ALL ON FUNCTION outbox_reshard(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outbox_reshard(int) TO outbox_operator;

-- As outbox_drop_slot(), for the slot of any shard, also of one that no longer exists.
CREATE FUNCTION public.outbox_drop_slot(slot text) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF slot !~ '^zap_run_outbox(_\d+of\d+)?$' THEN
    RAISE EXCEPTION '% is not the slot of a shard', slot USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM pg_drop_replication_slot(slot);
END
$$;
REVOKE ALL ON FUNCTION public.outbox_drop_slot(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.outbox_drop_slot(text) TO outbox_operator;

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'outbox_slot' AND pg_has_role(oid, 'SET')) THEN
    GRANT CREATE ON SCHEMA public TO outbox_slot;
    ALTER FUNCTION public.outbox_drop_slot(text) OWNER TO outbox_slot;
    REVOKE CREATE ON SCHEMA public FROM outbox_slot;
  END IF;
END
$$;
