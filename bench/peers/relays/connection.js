import { Kafka, logLevel } from 'kafkajs';

// How the relays of this folder reach Postgres and Kafka: with what npm run bench:peers gives them.

export const { DATABASE_URL = '', TOPIC = '' } = process.env;

const { KAFKA_BROKERS = '', KAFKA_USERNAME: username = '', KAFKA_PASSWORD: password = '' } = process.env;

/** A connected producer with kafkajs's defaults: acks=all, no idempotence, no compression. */
export async function connectProducer() {
  const kafka = new Kafka({
    clientId: 'peer',
    brokers: [KAFKA_BROKERS],
    sasl: { mechanism: 'scram-sha-512', username, password },
    logLevel: logLevel.ERROR,
  });
  const producer = kafka.producer();
  await producer.connect();
  return producer;
}
