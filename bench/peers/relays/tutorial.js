import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient } from '@prisma/client';
import { setTimeout as delay } from 'node:timers/promises';
import { connectProducer, DATABASE_URL, TOPIC } from './connection.js';

// A polling relay as the tutorials of this system write it: read some rows, send them, delete them, without end. They take
// ten rows at a time, and the loop does not wait when there are none. Many do not wait for the answer of `send`, and a few
// sleep three seconds in each turn; this one waits for the answer and never sleeps, which is in its favour.
// TAKE=500 is the same loop with larger batches, and a wait of 20 ms when the table is empty.
// Versions: @prisma/client 7.10.0, kafkajs 2.2.4.

const TAKE = Number(process.env.TAKE ?? 10);

const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: DATABASE_URL }) });
const producer = await connectProducer();
for (;;) {
  const rows = await prisma.tutorialOutbox.findMany({ take: TAKE, orderBy: { createdAt: 'asc' } });
  await producer.send({
    topic: TOPIC,
    messages: rows.map(({ id, zapId, payload }) => ({ key: zapId, value: JSON.stringify(payload), headers: { id } })),
  });
  await prisma.tutorialOutbox.deleteMany({ where: { id: { in: rows.map(({ id }) => id) } } });
  if (rows.length === 0 && TAKE > 10) await delay(20);
}
