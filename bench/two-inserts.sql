-- The inserts of one event, in one transaction. Ids increase per client, as those of ingest do.
\set n :n + 1
BEGIN;
INSERT INTO zap_run (id, user_id, zap_id, metadata, headers, received_at, schema_id)
VALUES (format('%s-0000-7000-8000-%s', lpad(to_hex(:client_id::int), 8, '0'), lpad(to_hex(:n::int), 12, '0'))::uuid, 'bench', 'zap',
        json_build_object('text', repeat('x', 389)), '{"content-type": "application/json"}', now(), 1);
INSERT INTO zap_run_outbox (id, aggregatetype, aggregateid, type, payload)
VALUES (format('%s-0000-7000-8000-%s', lpad(to_hex(:client_id::int), 8, '0'), lpad(to_hex(:n::int), 12, '0'))::uuid, 'zap-run', 'bench/zap',
        'ZapRunCreated', decode(repeat('78', 500), 'hex'));
COMMIT;
