// Generated from contract/schemas/zap-run.avsc by npm run generate. Do not edit.
import type { ReaderSchema } from './event.ts';

/** A webhook was accepted for a zap. */
export interface ZapRunCreated {
  /** UUIDv7; the id that the sender got, and the record's header id. */
  zapRunId: string;
  userId: string;
  zapId: string;
  /** When the request was accepted, milliseconds since 1970-01-01 UTC. */
  receivedAt: number;
  /** The JSON text exactly as it was sent. */
  metadata: string;
  /** The request headers that are kept, names in lower case. */
  headers: Record<string, string>;
}

/** The schema that this consumer reads with, whatever a record was written with. */
export const zapRunCreated: ReaderSchema<ZapRunCreated> = {
  typed: (decoded) => decoded as ZapRunCreated,
  schema: {
    type: 'record',
    name: 'ZapRunCreated',
    namespace: 'zaprun',
    doc: 'A webhook was accepted for a zap.',
    fields: [
      {
        name: 'zapRunId',
        type: { type: 'string', logicalType: 'uuid' },
        doc: "UUIDv7; the id that the sender got, and the record's header id.",
      },
      { name: 'userId', type: 'string' },
      { name: 'zapId', type: 'string' },
      {
        name: 'receivedAt',
        type: { type: 'long', logicalType: 'timestamp-millis' },
        doc: 'When the request was accepted, milliseconds since 1970-01-01 UTC.',
      },
      { name: 'metadata', type: 'string', doc: 'The JSON text exactly as it was sent.' },
      { name: 'headers', type: { type: 'map', values: 'string' }, doc: 'The request headers that are kept, names in lower case.' },
    ],
  },
};
