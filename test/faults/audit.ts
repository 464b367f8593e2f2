// Triggers that write down each row that comes into the outbox and leaves it, with the database's clock and the
// transaction. By statement, as a delete takes thousands. On the stack of the faults only; the owner's rights, as those
// who delete may not write here.

export const AUDIT = `
  CREATE TABLE faults_audit (place bigint GENERATED ALWAYS AS IDENTITY, id uuid NOT NULL, what text NOT NULL, at timestamptz NOT NULL, tx text NOT NULL);
  CREATE FUNCTION faults_audit_insert() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    BEGIN
      INSERT INTO faults_audit (id, what, at, tx) SELECT id, 'insert', clock_timestamp(), pg_current_xact_id()::text FROM came;
      RETURN NULL;
    END $$;
  CREATE FUNCTION faults_audit_delete() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    BEGIN
      INSERT INTO faults_audit (id, what, at, tx) SELECT id, 'delete', clock_timestamp(), pg_current_xact_id()::text FROM went;
      RETURN NULL;
    END $$;
  CREATE TRIGGER faults_audit_insert AFTER INSERT ON zap_run_outbox REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION faults_audit_insert();
  CREATE TRIGGER faults_audit_delete AFTER DELETE ON zap_run_outbox REFERENCING OLD TABLE AS went
    FOR EACH STATEMENT EXECUTE FUNCTION faults_audit_delete();`;

// A statement that moves rows fires both triggers; which one first is not promised, so a delete of the same
// transaction is told before its insert.
export const READ_AUDIT = `
  SELECT id, what, extract(epoch FROM at)::float8 * 1000 AS at, tx FROM faults_audit
  ORDER BY tx::numeric, what, place`;

export const READ_RUNS = `SELECT id, coalesce(substring(metadata::text FROM 'op~\\d+~\\d+~\\d+~'), '') AS op FROM zap_run`;
