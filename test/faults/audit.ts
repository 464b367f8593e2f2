// Triggers that record each row that enters or leaves the outbox, with the database's clock and the transaction. They run
// per statement, as a delete may have thousands of rows, and with the owner's rights, as the roles that delete may not
// write here. Only the stack of the fault runs has them.

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

// A statement that moves rows fires both triggers in no fixed order, so a delete is sorted before an insert of the same
// transaction.
export const READ_AUDIT = `
  SELECT id, what, extract(epoch FROM at)::float8 * 1000 AS at, tx FROM faults_audit
  ORDER BY tx::numeric, what, place`;

export const READ_RUNS = `SELECT id, coalesce(substring(metadata::text FROM 'op~\\d+~\\d+~\\d+~'), '') AS op FROM zap_run`;
