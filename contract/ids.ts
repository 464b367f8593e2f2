/** A user id or zap id in the URL of a hook. */
export const HOOK_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** The id of a run: a UUID in lower case, as ingest writes it. */
export const RUN_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether a text from an operator or a record's header is the id of a run. Capitals are accepted. */
export const isRunId = (text: string): boolean => RUN_ID.test(text.toLowerCase());
