import { randomUUID } from 'node:crypto';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import pg from 'pg';
import { createPrismaClient } from '../prisma/client.ts';
import { readSettings } from '../kit/settings.ts';
import { settings } from '../ingest/config.ts';

// A comparison for bench:ingest: one interactive transaction per request, as tutorials write the outbox pattern.

const config = readSettings(settings, process.env);
const prisma = createPrismaClient(new pg.Pool({ connectionString: config.DATABASE_URL }));
const app = new Hono();

app.post('/hooks/catch/:userId/:zapId', async (c) => {
  const { userId, zapId } = c.req.param();
  const metadata = await c.req.json<object>();
  const id = randomUUID();
  await prisma.$transaction(async (tx) => {
    await tx.zapRun.create({ data: { id, userId, zapId, metadata, headers: {}, receivedAt: new Date(), schemaId: 1 } });
    const payload = Buffer.from(JSON.stringify({ id, userId, zapId, metadata }));
    await tx.zapRunOutbox.create({
      data: { id, aggregatetype: 'zap-run', aggregateid: `${userId}/${zapId}`, type: 'ZapRunCreated', payload },
      // Ingest has no SELECT on the outbox, so nothing is read back.
      select: { id: true },
    });
  });
  return c.json({ message: 'Webhook received', id });
});
serve({ fetch: app.fetch, port: config.PORT, hostname: config.HOST });
