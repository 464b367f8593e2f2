-- The action consumer's own schema: which webhook of which event has to be called, and what came of it. Nobody else
-- reads or writes here; the operator gets functions.
CREATE SCHEMA actions;

DO $$
BEGIN
  CREATE ROLE outbox_actions NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
  NULL; -- There already, or being made by another database's migration at this moment.
END
$$;

-- An event that some target wants, once, however many targets want it.
CREATE TABLE actions.event (
  id        uuid PRIMARY KEY,
  zap       text NOT NULL,
  -- The request body, the same bytes at every attempt and every target: the metadata's exact text is in it.
  body      text NOT NULL,
  stored_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT event_zap_check CHECK (char_length(zap) BETWEEN 3 AND 129)
);

-- For the purge, which takes the oldest.
CREATE INDEX event_stored_at_idx ON actions.event (stored_at);

-- The inbox, the retry queue and the dead letters in one: a row means "this event is this target's", and stays after
-- the answer, so that a redelivered event finds it and calls nobody.
CREATE TABLE actions.delivery (
  event_id    uuid NOT NULL REFERENCES actions.event ON DELETE CASCADE,
  target      text NOT NULL,
  state       text NOT NULL DEFAULT 'pending',
  attempts    integer NOT NULL DEFAULT 0,
  -- When a pending one may be taken. Who takes it moves this into the future, the end of a lease: a copy that dies
  -- gives back what it held by doing nothing. It is also the fence: an outcome counts only while the lease that it
  -- was made under stands. Milliseconds, as that is what a JavaScript date can give back.
  due_at      timestamptz(3) NOT NULL,
  last_status integer,
  last_error  text,
  settled_at  timestamptz,
  PRIMARY KEY (event_id, target),
  CONSTRAINT delivery_target_check CHECK (target ~ '^[A-Za-z0-9_-]{1,64}$'),
  CONSTRAINT delivery_state_check CHECK (state IN ('pending', 'delivered', 'dead', 'discarded'))
);

-- Due deliveries are asked for target by target, so that one target's pile is never in another's way.
CREATE INDEX delivery_due_idx ON actions.delivery (target, due_at) WHERE state = 'pending';
CREATE INDEX delivery_dead_idx ON actions.delivery (target) WHERE state = 'dead';

-- Every row is updated once or twice soon after it was inserted, in a table that keeps weeks of them.
ALTER TABLE actions.delivery SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 5000);

-- Targets that answered 410: nobody calls them until an operator enables them again.
CREATE TABLE actions.disabled_target (
  target      text PRIMARY KEY,
  event_id    uuid NOT NULL,
  disabled_at timestamptz NOT NULL DEFAULT now()
);

GRANT USAGE ON SCHEMA actions TO outbox_actions, outbox_operator;
GRANT SELECT, INSERT, DELETE ON actions.event TO outbox_actions;
GRANT SELECT, INSERT, UPDATE ON actions.delivery TO outbox_actions;
GRANT SELECT, INSERT ON actions.disabled_target TO outbox_actions;
-- Not the bodies: they carry what the senders sent.
GRANT SELECT (id, zap, stored_at) ON actions.event TO outbox_operator;
GRANT SELECT ON actions.delivery, actions.disabled_target TO outbox_operator;

-- What the operator may change. A condition that is null does not count.
CREATE FUNCTION actions.run_again(
  of_states text[], of_events uuid[], of_zap text, of_target text, stored_since timestamptz
) RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH again AS (
    UPDATE actions.delivery d SET state = 'pending', attempts = 0, due_at = now(), settled_at = NULL
    FROM actions.event e
    WHERE e.id = d.event_id AND d.state = ANY (of_states)
      AND (of_events IS NULL OR d.event_id = ANY (of_events))
      AND (of_zap IS NULL OR e.zap = of_zap)
      AND (of_target IS NULL OR d.target = of_target)
      AND (stored_since IS NULL OR e.stored_at >= stored_since)
    RETURNING 1
  )
  SELECT count(*) FROM again
$$;

CREATE FUNCTION actions.discard_dead(of_events uuid[], of_target text) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH discarded AS (
    UPDATE actions.delivery SET state = 'discarded', settled_at = now()
    WHERE state = 'dead' AND (of_events IS NULL OR event_id = ANY (of_events)) AND (of_target IS NULL OR target = of_target)
    RETURNING 1
  )
  SELECT count(*) FROM discarded
$$;

CREATE FUNCTION actions.enable_target(named text) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH enabled AS (DELETE FROM actions.disabled_target WHERE target = named RETURNING 1)
  SELECT EXISTS (SELECT FROM enabled)
$$;

REVOKE ALL ON FUNCTION actions.run_again, actions.discard_dead, actions.enable_target FROM PUBLIC;
GRANT EXECUTE ON FUNCTION actions.run_again, actions.discard_dead, actions.enable_target TO outbox_operator;
