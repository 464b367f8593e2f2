-- ingest gives what the event is. When a row was made, its place in the queue and how often it was sent again are
-- Postgres' and the reconciler's to say.
REVOKE INSERT ON public.zap_run_outbox FROM outbox_ingest;
GRANT INSERT (id, aggregatetype, aggregateid, type, payload, traceparent) ON public.zap_run_outbox TO outbox_ingest;
