-- Looks at every row while writers go on.
ALTER TABLE zap_run VALIDATE CONSTRAINT zap_run_user_id_check, VALIDATE CONSTRAINT zap_run_zap_id_check;
ALTER TABLE zap_run_outbox VALIDATE CONSTRAINT zap_run_outbox_type_check;
