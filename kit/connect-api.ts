import { setTimeout as delay } from 'node:timers/promises';
import { ConnectionFault } from './connection-fault.ts';
import { askService, connectService, type ConnectSettings, type HttpService } from './http-login.ts';

export type ConnectorConfig = Readonly<Record<string, string>>;

export interface ConnectorStatus {
  connector: { state: string; trace?: string };
  tasks: { id: number; state: string; worker_id?: string; trace?: string }[];
}

interface Plugin {
  class: string;
  type: string;
  version: string;
}

interface Validation {
  configs: { value: { name: string; errors: string[] } }[];
}

/** A call to Kafka Connect failed. The message says what is wrong and what to do. */
export class ConnectError extends Error {
  override readonly name = 'ConnectError';
  readonly code: 'CONNECT_FAILED' | 'CONNECTOR_INVALID';

  constructor(code: ConnectError['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

const REQUEST_TIMEOUT_MS = 10_000;

/**
 * The part of Kafka Connect's REST interface that the project uses; no other code calls it. Each call throws ConnectionFault
 * CONNECT_LOGIN or CONNECT_TLS when the login or the certificate is refused, and ConnectError CONNECT_FAILED when it fails otherwise.
 */
export class ConnectApi {
  readonly #service: HttpService;
  readonly #timeoutMs: number;

  /** @param timeoutMs deadline of each call */
  constructor(settings: ConnectSettings, timeoutMs = REQUEST_TIMEOUT_MS) {
    this.#service = connectService(settings);
    this.#timeoutMs = timeoutMs;
  }

  async plugins(): Promise<Plugin[]> {
    return (await this.#call<Plugin[]>('GET', '/connector-plugins')) ?? [];
  }

  /** The active configuration; undefined when the connector does not exist. */
  async config(name: string): Promise<ConnectorConfig | undefined> {
    return this.#call<ConnectorConfig>('GET', `/connectors/${name}/config`);
  }

  /** The names of all connectors of the worker. */
  async names(): Promise<string[]> {
    return (await this.#call<string[]>('GET', '/connectors')) ?? [];
  }

  async status(name: string): Promise<ConnectorStatus | undefined> {
    return this.#call<ConnectorStatus>('GET', `/connectors/${name}/status`);
  }

  /** The stored position of the connector's one source partition; undefined when there is none. */
  async storedOffset(name: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    const stored = await this.#call<{ offsets: { offset: Record<string, unknown> }[] }>('GET', `/connectors/${name}/offsets`);
    return stored?.offsets[0]?.offset;
  }

  /** The Kafka cluster that the worker belongs to. */
  async clusterId(): Promise<string | undefined> {
    return (await this.#call<{ kafka_cluster_id: string }>('GET', '/'))?.kafka_cluster_id;
  }

  /** The worker's objections to a configuration; empty when it is valid. */
  async validate(config: ConnectorConfig): Promise<string[]> {
    const path = `/connector-plugins/${config['connector.class']}/config/validate`;
    const result = await this.#call<Validation>('PUT', path, config);
    return (result?.configs ?? []).flatMap(({ value }) => value.errors.map((error) => `${value.name}: ${error}`));
  }

  /** Whether the worker supports exactly-once. No interface tells exactly.once.source.support, so a validation requires it. */
  async isExactlyOnce(connectorClass: string): Promise<boolean> {
    const errors = await this.validate({ name: 'asked', 'connector.class': connectorClass, 'exactly.once.support': 'required' });
    return !errors.some((error) => error.startsWith('exactly.once.support:'));
  }

  async put(name: string, config: ConnectorConfig): Promise<void> {
    await this.#call('PUT', `/connectors/${name}/config`, config);
  }

  /**
   * Applies the configuration. A PUT restarts the task even when nothing differs, so it is sent only when something
   * differs.
   *
   * @returns whether the configuration changed
   * @throws ConnectError CONNECTOR_INVALID
   */
  async putIfDifferent(name: string, config: ConnectorConfig): Promise<boolean> {
    const wanted = { ...config, name };
    const current = await this.config(name);
    if (current !== undefined && sameConfig(current, wanted)) return false;
    const faults = await this.validate(wanted);
    if (faults.length > 0)
      throw new ConnectError('CONNECTOR_INVALID', `Connect refuses the configuration of ${name}:\n  ${faults.join('\n  ')}`);
    await this.put(name, wanted);
    return true;
  }

  /** Restarts the connector and its tasks; with `onlyFailed` only those that are FAILED. */
  async restart(name: string, onlyFailed: boolean): Promise<void> {
    await this.#call('POST', `/connectors/${name}/restart?includeTasks=true&onlyFailed=${onlyFailed}`);
  }

  /** A pause survives restarts of Connect, but not a deletion of the connector. */
  async pause(name: string): Promise<void> {
    await this.#call('PUT', `/connectors/${name}/pause`);
  }

  /** Connect keeps the connector's position. */
  async remove(name: string): Promise<void> {
    await this.#call('DELETE', `/connectors/${name}`);
  }

  /** Ends a pause or a stop. */
  async resume(name: string): Promise<void> {
    await this.#call('PUT', `/connectors/${name}/resume`);
  }

  /**
   * Sends a request; undefined for a 404 of Connect itself, which is JSON. A starting worker answers 404 without JSON, and
   * one that joins its group 409 or 503: both are retried until the deadline.
   */
  async #call<T>(method: string, path: string, body?: unknown): Promise<T | undefined> {
    const deadline = performance.now() + this.#timeoutMs;
    for (;;) {
      const response = await this.#fetch(method, path, body);
      if (response.ok) {
        const text = await response.text(); // Empty for pause, resume and some restarts.
        return text === '' ? undefined : (JSON.parse(text) as T);
      }
      const isJson = response.headers.get('content-type')?.includes('json') === true;
      if (response.status === 404 && isJson) return undefined;
      const busy = [404, 409, 503].includes(response.status);
      if (!busy || performance.now() > deadline) {
        throw new ConnectError('CONNECT_FAILED', `${method} ${path} → ${response.status}: ${await response.text()}`);
      }
      await delay(250);
    }
  }

  async #fetch(method: string, path: string, body: unknown): Promise<Response> {
    try {
      return await askService(this.#service, path, {
        method,
        signal: AbortSignal.timeout(this.#timeoutMs),
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      });
    } catch (error) {
      if (error instanceof ConnectionFault) throw error;
      throw new ConnectError('CONNECT_FAILED', `Kafka Connect does not answer at ${this.#service.url}. Is CONNECT_URL right?`, error);
    }
  }
}

function sameConfig(a: ConnectorConfig, b: ConnectorConfig): boolean {
  const keys = Object.keys({ ...a, ...b });
  return keys.every((key) => a[key] === b[key]);
}
