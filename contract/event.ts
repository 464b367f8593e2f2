import avsc from 'avsc';

/** What a webhook gives to its event. */
export interface EventContent {
  userId: string;
  zapId: string;
  /** JSON text, exactly as it arrived. */
  metadata: string;
  headers: Readonly<Record<string, string>>;
}

/** A schema that the registry knows: events are written with it and carry its id. */
export interface EventSchema {
  id: number;
  /** The record in Confluent's wire format: 0x00, the id in four bytes, Avro. */
  encode(zapRunId: string, receivedAt: Date, webhook: EventContent): Buffer;
}

export function eventSchema(id: number, schema: avsc.Schema): EventSchema {
  const type = avsc.Type.forSchema(schema);
  const prefix = Buffer.alloc(5);
  prefix.writeInt32BE(id, 1);
  return {
    id,
    encode: (zapRunId, receivedAt, { userId, zapId, metadata, headers }) => {
      const record = { zapRunId, userId, zapId, receivedAt: receivedAt.getTime(), metadata, headers };
      return Buffer.concat([prefix, type.toBuffer(record)]);
    },
  };
}

/** An Avro schema and the type of what is read with it. Made by `npm run generate`, which ties the two together. */
export interface ReaderSchema<T> {
  readonly schema: avsc.Schema;
  /** What avsc has read with this very schema, as its type. */
  readonly typed: (decoded: unknown) => T;
}
