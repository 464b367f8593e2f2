-- Why a row is dead and what the reconciler does were told by the words of a text. Now each has a code; the text
-- stays, for people.
ALTER TABLE outbox_dead ADD COLUMN code text;
UPDATE outbox_dead SET code = CASE
  WHEN reason LIKE 'lost%' THEN 'LOST' WHEN reason LIKE 'too large%' THEN 'TOO_LARGE' ELSE 'BY_HAND' END;
ALTER TABLE outbox_dead ALTER COLUMN code SET NOT NULL,
  ADD CONSTRAINT outbox_dead_code_check CHECK (code IN ('LOST', 'TOO_LARGE', 'BY_HAND'));

ALTER TABLE cleanup_state ADD COLUMN reconciler_code text NOT NULL DEFAULT 'NOT_STARTED';
UPDATE cleanup_state SET reconciler_code = 'IDLE' WHERE reconciler <> 'not started';
ALTER TABLE cleanup_state ADD CONSTRAINT cleanup_state_reconciler_code_check CHECK (reconciler_code IN (
  'NOT_STARTED', 'IDLE', 'SLOT_MISSING', 'SLOT_LOST', 'SLOT_UNREAD', 'SLOT_UNCONFIRMED', 'CLEANUP_BEHIND', 'GROUP_BEHIND'));

-- Takes rows out of the outbox that cannot be published. Ids that are not in the outbox are passed over.
CREATE FUNCTION outbox_bury(ids uuid[], why_code text, why text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  moved integer;
BEGIN
  WITH taken AS (
    DELETE FROM public.zap_run_outbox WHERE id = ANY (ids) RETURNING *
  )
  INSERT INTO public.outbox_dead
    (id, seq, aggregatetype, aggregateid, type, payload, traceparent, resends, created_at, code, reason)
  SELECT id, seq, aggregatetype, aggregateid, type, payload, traceparent, resends, created_at, why_code, why FROM taken
  -- It was brought back, and buried once more before the first burial was seen.
  ON CONFLICT (id) DO UPDATE
  SET code = excluded.code, reason = excluded.reason, moved_at = excluded.moved_at, resends = excluded.resends;
  GET DIAGNOSTICS moved = ROW_COUNT;
  RETURN moved;
END
$$;
REVOKE ALL ON FUNCTION outbox_bury(uuid[], text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outbox_bury(uuid[], text, text) TO outbox_cleanup, outbox_operator;
DROP FUNCTION outbox_bury(uuid[], text);
