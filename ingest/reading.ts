import { z } from 'zod';

/** Runs that one request may make. */
export const MAX_RUNS = 1000;

/** How the bodies of a hook are read; part of its entry in zaps.json. */
export const readingSchema = z.object({
  body: z
    .enum(['auto', 'text', 'base64'])
    .default('auto')
    .describe(
      '`auto`: JSON, forms and text as they are; `text`: always one JSON string; `base64`: any bytes, as one JSON string in base64',
    ),
  ndjson: z
    .enum(['keep', 'split'])
    .default('keep')
    .describe(`\`split\`: a body of JSON lines makes a run for each line, up to ${MAX_RUNS}, all of them or none`),
  split: z.boolean().default(false).describe(`\`true\`: an array makes a run for each element, up to ${MAX_RUNS}, all of them or none`),
});

export type Reading = z.output<typeof readingSchema>;

/** For hooks without these settings. */
export const defaultReading: Reading = readingSchema.parse({});
