import { expect, test } from 'vitest';
import { kafkaGrants, type Grant } from './kafka-grants.ts';
import { DEAD_LETTER_TOPIC, EVENT_TOPIC } from './names.ts';

const who = (fits: (grant: Grant) => boolean) => [
  ...new Set(
    kafkaGrants()
      .filter(fits)
      .map(({ service }) => service),
  ),
];
const covers = ({ resource, name, prefixed }: Grant, topic: string) =>
  resource === 'TOPIC' && (name === '*' || name === topic || (prefixed && topic.startsWith(name)));

test('only the connector writes events', () => {
  expect(who((grant) => covers(grant, EVENT_TOPIC) && grant.operation === 'WRITE')).toEqual(['connect']);
});

test('only the consumers write dead letters', () => {
  expect(who((grant) => covers(grant, DEAD_LETTER_TOPIC) && grant.operation === 'WRITE')).toEqual(['consumer', 'actions']);
});

test('no service deletes a topic or its records, and a grant on everything only describes', () => {
  expect(who(({ resource, operation }) => resource !== 'GROUP' && operation === 'DELETE')).toEqual([]);
  expect(who(({ name, operation }) => name === '*' && !operation.startsWith('DESCRIBE'))).toEqual([]);
  expect(who(({ resource, operation }) => resource === 'CLUSTER' && !operation.startsWith('DESCRIBE'))).toEqual([]);
});

test('each grant is listed once', () => {
  const lines = kafkaGrants().map((grant) => JSON.stringify(grant));
  expect(lines.filter((line, at) => lines.indexOf(line) !== at)).toEqual([]);
});

test('given names replace the defaults', () => {
  const names = kafkaGrants({ topic: 't', deadLetterTopic: 'd', cleanupGroup: 'g' });
  const ofConsumer = names.filter(({ service }) => service === 'consumer').map(({ name, operation }) => `${operation} ${name}`);
  expect(ofConsumer).toEqual(['READ t', 'WRITE d', 'READ consumers-example']);
  expect(names.filter(({ service, name }) => service === 'cleanup' && name === 'g')).toHaveLength(1);
});
