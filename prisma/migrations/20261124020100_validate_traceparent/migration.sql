-- Looks at every run while writers go on.
ALTER TABLE zap_run VALIDATE CONSTRAINT zap_run_traceparent_check;
