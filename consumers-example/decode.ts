import type { SchemaRegistry } from '@kafkajs/confluent-schema-registry';
import avsc from 'avsc';

/** An Avro schema that reads records as `T`; the generated files tie the two together. */
export interface ReaderSchema<T> {
  readonly schema: avsc.Schema;
  /** Never there: it only carries the type. */
  readonly type?: T;
}

/** The bytes are no record in Confluent's wire format that the reader schema can read. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
  readonly code = 'DECODE_FAILED';
}

const PREFIX_BYTES = 5;

/**
 * Turns a record's value (0x00, four bytes of schema id, Avro) into a `T`. What was written with an older or newer
 * schema is read with the pinned one. The registry is asked once per schema id, and the resolver between the two
 * schemas is built once: building it for each record would cost fifty times the decoding.
 *
 * @throws DecodeError for bytes that can never be read; the registry's error when it cannot be asked now
 */
export function createDecoder<T>(registry: SchemaRegistry, reader: ReaderSchema<T>): (value: Buffer | null) => Promise<T> {
  const readerType = avsc.Type.forSchema(reader.schema);
  const resolvers = new Map<number, Promise<avsc.Resolver>>();

  async function makeResolver(schemaId: number): Promise<avsc.Resolver> {
    const writerType = await registry.getSchema(schemaId);
    if (!(writerType instanceof avsc.Type)) throw new DecodeError(`schema ${schemaId} is no Avro schema`);
    try {
      return readerType.createResolver(writerType);
    } catch (error) {
      throw new DecodeError(`schema ${schemaId} cannot be read with ours`, { cause: error });
    }
  }

  function resolverFor(schemaId: number): Promise<avsc.Resolver> {
    const known = resolvers.get(schemaId);
    if (known !== undefined) return known;
    const made = makeResolver(schemaId);
    resolvers.set(schemaId, made);
    made.catch(() => resolvers.delete(schemaId)); // The next record asks again.
    return made;
  }

  return async (value) => {
    if (value === null || value.length <= PREFIX_BYTES || value[0] !== 0) {
      throw new DecodeError(`not in the wire format: ${value === null ? 'no value' : `${value.length} bytes, first ${value[0]}`}`);
    }
    const resolver = await resolverFor(value.readInt32BE(1));
    try {
      return readerType.fromBuffer(value.subarray(PREFIX_BYTES), resolver) as T;
    } catch (error) {
      throw new DecodeError('the Avro bytes do not fit their schema', { cause: error });
    }
  };
}
