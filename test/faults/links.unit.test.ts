import { expect, test } from 'vitest';
import { withListeners } from './links.ts';

const properties = [
  'listener.security.protocol.map=CONTROLLER:PLAINTEXT,CLIENT:SASL_PLAINTEXT',
  'listeners=CLIENT://127.0.0.1:1,CONTROLLER://127.0.0.1:2',
  'advertised.listeners=CLIENT://127.0.0.1:1',
  'listener.name.client.sasl.enabled.mechanisms=PLAIN',
].join('\n');

test('each link to Kafka has a listener that is advertised as the link, with the settings of the first one', () => {
  const lines = withListeners(properties, new Map([['cleanup-kafka', { own: 11, port: 21 }]])).split('\n');
  expect(lines).toEqual([
    'listener.security.protocol.map=CONTROLLER:PLAINTEXT,CLIENT:SASL_PLAINTEXT,CLEANUP_KAFKA:SASL_PLAINTEXT',
    'listeners=CLIENT://127.0.0.1:1,CONTROLLER://127.0.0.1:2,CLEANUP_KAFKA://127.0.0.1:11',
    'advertised.listeners=CLIENT://127.0.0.1:1,CLEANUP_KAFKA://127.0.0.1:21',
    'listener.name.client.sasl.enabled.mechanisms=PLAIN',
    'listener.name.cleanup_kafka.sasl.enabled.mechanisms=PLAIN',
  ]);
});
