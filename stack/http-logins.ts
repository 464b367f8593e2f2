import { z } from 'zod';
import { connectSettings, registrySettings, type ConnectSettings, type RegistrySettings } from '../kit/http-login.ts';
import { readSettings } from '../kit/settings.ts';
import { certificates } from './certificates.ts';
import { connectUrl, registryUrl, type StackConfig } from './config.ts';

// How a part of the stack reaches Connect's REST interface and the registry.

/** The one user of Connect's REST interface: it has no rights to tell apart. */
export const CONNECT_USER = 'outbox';

/** `register` writes schemas, everybody else reads them. */
export type RegistryUser = 'writer' | 'reader';

/** The settings of a part, as its environment has them. */
export const connectEnv = (config: StackConfig) => ({
  CONNECT_URL: connectUrl(config),
  CONNECT_USERNAME: CONNECT_USER,
  CONNECT_PASSWORD: config.secrets.connect,
});

export const registryEnv = (config: StackConfig, as: RegistryUser) => ({
  REGISTRY_URL: registryUrl(config),
  REGISTRY_USERNAME: as,
  REGISTRY_PASSWORD: config.secrets[`registry_${as}`],
  ...(config.STACK_TLS && { REGISTRY_CA_FILE: certificates(config.dir).ca }),
});

/** The same for a client in this process. */
export const connectFor = (config: StackConfig): ConnectSettings => readSettings(z.object(connectSettings), connectEnv(config));
export const registryFor = (config: StackConfig, as: RegistryUser): RegistrySettings =>
  readSettings(z.object(registrySettings), registryEnv(config, as));
