import { PrismaPg } from '@prisma/adapter-pg';
import type { Pool } from 'pg';
import { PrismaClient } from './generated/client.ts';

export type { PrismaClient };

/**
 * Makes a Prisma client on the caller's pool, so that hand-written statements share its connections. The caller ends the
 * pool. No other code makes a PrismaClient.
 */
export function createPrismaClient(pool: Pool): PrismaClient {
  return new PrismaClient({ adapter: new PrismaPg(pool) });
}
