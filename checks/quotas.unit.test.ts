import { expect, test } from 'vitest';
import { kafkaQuota } from './quotas.ts';

const context = { clientQuotas: () => Promise.resolve([]) };
const limits = { producer_byte_rate: 1000, request_percentage: 5 };

test.each([
  [{ user: 'connect' }, 'user connect', '--entity-type users --entity-name connect'],
  [{ user: null }, 'every user', '--entity-type users --entity-default'],
  [{ 'client-id': 'outbox-cleanup' }, 'client-id outbox-cleanup', '--entity-type clients --entity-name outbox-cleanup'],
  [
    { user: 'connect', 'client-id': null },
    'user connect, every client-id',
    '--entity-type users --entity-name connect --entity-type clients --entity-default',
  ],
  [{ ip: null }, 'every ip', '--entity-type ips --entity-default'],
])('a quota of %j is found, with the command that removes it', (entity, who, options) => {
  expect(
    kafkaQuota.evaluate(
      [
        { entity: { user: 'somebody' }, limits },
        { entity, limits },
      ],
      context,
    ),
  ).toEqual({
    found: `${who}: producer_byte_rate 1000, request_percentage 5`,
    remedy: `If it is too small: kafka-configs --command-config … --alter ${options} --delete-config producer_byte_rate,request_percentage`,
  });
});

test.each([{ user: 'somebody' }, { user: 'connect', 'client-id': 'of-somebody' }, { 'client-id': 'of-somebody' }, { ip: '10.0.0.1' }])(
  'a quota of %j is not ours',
  (entity) => {
    expect(kafkaQuota.evaluate([{ entity, limits }], context)).toBeUndefined();
  },
);
