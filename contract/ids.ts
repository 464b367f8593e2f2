/** A user's or a zap's id, as in the URL of a hook. */
export const HOOK_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** The id of a run, a UUID, as ingest writes it. */
export const RUN_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A text that an operator or a record's header gives as the id of a run: in capitals it is the same. */
export const isRunId = (text: string): boolean => RUN_ID.test(text.toLowerCase());
