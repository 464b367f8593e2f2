import {
  getDisabledLogger,
  getOutboxPollingListenerSettings,
  getOutboxReplicationListenerSettings,
  initializePollingMessageListener,
  initializeReplicationMessageListener,
} from 'pg-transactional-outbox';
import { connectProducer, DATABASE_URL, TOPIC } from './connection.js';

// npm pg-transactional-outbox 0.5.7, the newest that npm serves, as in its example `examples/rabbitmq/producer`, with Kafka in place of RabbitMQ.
// MODE=polling or MODE=replication; every setting has its documented default: five messages per query every 500 ms and
// as soon as one is done, or one message after the other from the WAL. A row of the polling mode waits behind the rows of its
// segment (here the zap). Processed rows are marked, and deleted after a week.

const connection = { connectionString: DATABASE_URL };
const config = { outboxOrInbox: 'outbox', dbHandlerConfig: connection, dbListenerConfig: connection };
const producer = await connectProducer();
const handler = {
  handle: async ({ id, aggregateId, payload }) => {
    await producer.send({ topic: TOPIC, messages: [{ key: aggregateId, value: JSON.stringify(payload), headers: { id } }] });
  },
};

if (process.env.MODE === 'replication')
  initializeReplicationMessageListener({ ...config, settings: getOutboxReplicationListenerSettings() }, handler, getDisabledLogger());
else initializePollingMessageListener({ ...config, settings: getOutboxPollingListenerSettings() }, handler, getDisabledLogger());
