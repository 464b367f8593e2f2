import { createRequire } from 'node:module';
import type { Kafka } from 'kafkajs';
import { createKafka } from './kafka.ts';
import type { KafkaSettings } from './kafka-settings.ts';

// The quotas of clients. kafkajs 2.2.4 has no request for them, so it is written here in Kafka's protocol and sent by
// kafkajs's own connection, with its TLS and logins.

/** What a quota is for: `user`, `client-id` or `ip` → its name; null: all that have no quota of their own. */
export type QuotaEntity = Readonly<Record<string, string | null>>;

/** The quotas of one entity, such as `producer_byte_rate` → bytes per second on each broker. */
export interface ClientQuota {
  entity: QuotaEntity;
  limits: Readonly<Record<string, number>>;
}

export interface Encoder {
  writeInt32: (value: number) => Encoder;
  writeString: (value: string | null) => Encoder;
  writeDouble: (value: number) => Encoder;
  writeBoolean: (value: boolean) => Encoder;
}
export interface Decoder {
  readInt32: () => number;
  readInt16: () => number;
  readString: () => string | null;
  readDouble: () => number;
  readArray: <T>(read: (decoder: Decoder) => T) => T[];
}
/** Version 0 of a request. */
interface Request {
  apiKey: number;
  apiName: string;
  encode: (encoder: Encoder) => Encoder;
}
interface Broker extends Record<symbol, (call: object) => Promise<unknown>> {
  versions: Readonly<Record<number, { minVersion: number } | undefined>>;
}
interface Cluster {
  connect: () => Promise<void>;
  refreshMetadata: () => Promise<void>;
  findControllerBroker: () => Promise<object>;
  disconnect: () => Promise<void>;
}

const require = createRequire(import.meta.url);
const { EncoderClass, DecoderClass } = {
  EncoderClass: require('kafkajs/src/protocol/encoder') as new () => Encoder,
  DecoderClass: require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => Decoder,
};

/** kafkajs keeps what it does not publish under symbols. */
function hidden(of: object, name: string): symbol {
  const found = Object.getOwnPropertySymbols(of).find(({ description }) => description === name);
  if (found === undefined) throw new Error(`this version of kafkajs has no ${name}`);
  return found;
}

/** Sends one request to the controller. @returns undefined when the broker does not know the request */
export async function askController<T>(settings: KafkaSettings, request: Request, decode: (decoder: Decoder) => T): Promise<T | undefined> {
  const kafka: Kafka = createKafka(settings, { clientId: 'outbox-quotas', connectionTimeout: 3000, retry: { retries: 1 } });
  const makers = kafka as unknown as Record<symbol, (options: object) => Cluster>;
  const cluster = makers[hidden(kafka, 'private:Kafka:createCluster')]?.({});
  if (cluster === undefined) return undefined;
  try {
    await cluster.connect();
    await cluster.refreshMetadata();
    const broker = (await cluster.findControllerBroker()) as Broker;
    if (broker.versions[request.apiKey]?.minVersion !== 0) return undefined;
    const send = hidden(Object.getPrototypeOf(broker) as object, 'private:Broker:sendRequest');
    const answered = await broker[send]?.({
      request: { ...request, apiVersion: 0, encode: () => Promise.resolve(request.encode(new EncoderClass())) },
      response: {
        decode: (bytes: Buffer) => Promise.resolve({ read: decode(new DecoderClass(bytes)) }),
        parse: (decoded: object) => Promise.resolve(decoded),
      },
    });
    return (answered as { read: T }).read;
  } finally {
    await cluster.disconnect();
  }
}

/** Reads code and words of a response. @throws with Kafka's words, for instance when the login may not ask */
export function accepted(decoder: Decoder): void {
  const code = decoder.readInt16();
  const message = decoder.readString();
  if (code !== 0) throw new Error(`Kafka refuses: ${message ?? `error ${code}`}`);
}

const DESCRIBE: Request = {
  ...{ apiKey: 48, apiName: 'DescribeClientQuotas' },
  // No filter: all of them.
  encode: (encoder) => encoder.writeInt32(0).writeBoolean(false),
};

/** All quotas of a broker; none when it knows no quotas. */
export async function readClientQuotas(settings: KafkaSettings): Promise<ClientQuota[]> {
  const found = await askController(settings, DESCRIBE, (decoder) => {
    decoder.readInt32(); // How long the request was throttled.
    accepted(decoder);
    return decoder.readArray((entry) => ({
      entity: Object.fromEntries(entry.readArray((part) => [part.readString() ?? '', part.readString()] as const)),
      limits: Object.fromEntries(entry.readArray((limit) => [limit.readString() ?? '', limit.readDouble()] as const)),
    }));
  });
  return found ?? [];
}
