import { z } from 'zod';
import { host, port, secret } from '../../kit/settings.ts';

export const settings = z.object({
  PORT: port().default(3003).describe('Port that takes the actions'),
  HOST: host().default('127.0.0.1').describe('Address to listen on'),
  ECHO_SECRET: secret().describe('whsec_…, the secret that actions.json signs with'),
});
