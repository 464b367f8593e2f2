import type { SchemaRegistry } from '@kafkajs/confluent-schema-registry';
import avsc from 'avsc';
import { PREFIX_BYTES, type ReaderSchema } from '../../contract/event.ts';
import { PoisonError } from './errors.ts';

/**
 * Decodes a record's value as a `T`; a promise only when the registry must be asked for the schema.
 *
 * @throws PoisonError for bytes that can never be read; the registry's error when it does not answer
 */
export type Decoder<T> = (value: Buffer | null) => T | Promise<T>;

/**
 * Reads records of older and newer schemas with the pinned one. The registry is asked once per schema id, and the
 * resolver between the two schemas is built once: the registry client's own `decode` builds it for each record, which
 * costs more than ten times the decoding. A known id makes no promise, for the same reason.
 */
export function createDecoder<T>(registry: Pick<SchemaRegistry, 'getSchema'>, reader: ReaderSchema<T>): Decoder<T> {
  const readerType = avsc.Type.forSchema(reader.schema);
  const resolvers = new Map<number, avsc.Resolver>();
  const asked = new Map<number, Promise<avsc.Resolver>>();

  async function makeResolver(schemaId: number): Promise<avsc.Resolver> {
    const writerType = await registry.getSchema(schemaId);
    try {
      if (!(writerType instanceof avsc.Type)) throw new Error('it is not an Avro schema');
      const resolver = readerType.createResolver(writerType);
      resolvers.set(schemaId, resolver);
      return resolver;
    } catch (error) {
      throw new PoisonError('SCHEMA_UNREADABLE', `schema ${schemaId} cannot be read with ours: ${String(error)}`, error);
    }
  }

  /** Records that arrive meanwhile share the request. After an error the next record asks again. */
  function ask(schemaId: number): Promise<avsc.Resolver> {
    const pending = asked.get(schemaId) ?? makeResolver(schemaId).finally(() => asked.delete(schemaId));
    asked.set(schemaId, pending);
    return pending;
  }

  function read(value: Buffer, resolver: avsc.Resolver): T {
    let decoded: unknown;
    try {
      decoded = readerType.fromBuffer(value.subarray(PREFIX_BYTES), resolver);
    } catch (error) {
      throw new PoisonError('DECODE_FAILED', 'the Avro bytes do not match their schema', error);
    }
    return reader.typed(decoded);
  }

  return (value) => {
    if (value === null || value.length <= PREFIX_BYTES || value[0] !== 0) {
      const found = value === null ? 'no value' : `${value.length} bytes, first ${value[0]}`;
      throw new PoisonError('DECODE_FAILED', `not in the wire format: ${found}`);
    }
    const schemaId = value.readInt32BE(1);
    const resolver = resolvers.get(schemaId);
    return resolver === undefined ? ask(schemaId).then((made) => read(value, made)) : read(value, resolver);
  };
}
