-- With tracing: the trace context that the calls of an event continue, at every attempt and after a restart.
ALTER TABLE actions.event ADD COLUMN traceparent text;
