import { setTimeout as delay } from 'node:timers/promises';
import { askService, connectService, LoginError, type ConnectSettings, type HttpService } from './http-login.ts';

export type ConnectorConfig = Readonly<Record<string, string>>;

export interface ConnectorStatus {
  connector: { state: string; trace?: string };
  tasks: { id: number; state: string; trace?: string }[];
}

interface Plugin {
  class: string;
  type: string;
  version: string;
}

interface Validation {
  configs: { value: { name: string; errors: string[] } }[];
}

/** Kafka Connect does not do what it was asked: what is wrong and what to do, for a person. */
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
 * Kafka Connect's REST interface, as far as the project uses it. The only caller of it. Each call throws LoginError
 * CONNECT_LOGIN where the login is wrong or missing, ConnectError CONNECT_FAILED where it fails otherwise.
 */
export class ConnectApi {
  readonly #service: HttpService;
  readonly #timeoutMs: number;

  /** @param timeoutMs how long an answer is waited for */
  constructor(settings: ConnectSettings, timeoutMs = REQUEST_TIMEOUT_MS) {
    this.#service = connectService(settings);
    this.#timeoutMs = timeoutMs;
  }

  async plugins(): Promise<Plugin[]> {
    return (await this.#call<Plugin[]>('GET', '/connector-plugins')) ?? [];
  }

  /** The configuration in force; undefined when there is no such connector. */
  async config(name: string): Promise<ConnectorConfig | undefined> {
    return this.#call<ConnectorConfig>('GET', `/connectors/${name}/config`);
  }

  async status(name: string): Promise<ConnectorStatus | undefined> {
    return this.#call<ConnectorStatus>('GET', `/connectors/${name}/status`);
  }

  /** The position that Connect has stored for the connector's one source partition; undefined when there is none. */
  async storedOffset(name: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    const stored = await this.#call<{ offsets: { offset: Record<string, unknown> }[] }>('GET', `/connectors/${name}/offsets`);
    return stored?.offsets[0]?.offset;
  }

  /** The Kafka cluster that the worker belongs to. */
  async clusterId(): Promise<string | undefined> {
    return (await this.#call<{ kafka_cluster_id: string }>('GET', '/'))?.kafka_cluster_id;
  }

  /** What the worker holds against a configuration; empty when it is fit. */
  async validate(config: ConnectorConfig): Promise<string[]> {
    const path = `/connector-plugins/${config['connector.class']}/config/validate`;
    const result = await this.#call<Validation>('PUT', path, config);
    return (result?.configs ?? []).flatMap(({ value }) => value.errors.map((error) => `${value.name}: ${error}`));
  }

  /** Whether the worker lets a connector require exactly-once: the only way to learn exactly.once.source.support from outside. */
  async isExactlyOnce(connectorClass: string): Promise<boolean> {
    const errors = await this.validate({ name: 'asked', 'connector.class': connectorClass, 'exactly.once.support': 'required' });
    return !errors.some((error) => error.startsWith('exactly.once.support:'));
  }

  async put(name: string, config: ConnectorConfig): Promise<void> {
    await this.#call('PUT', `/connectors/${name}/config`, config);
  }

  /**
   * Puts the configuration in force. A PUT restarts the task even when nothing differs, so it is only made when
   * something does.
   *
   * @returns whether it was made
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

  /** Starts the connector and its tasks again; with `onlyFailed` those that are FAILED and nothing else. */
  async restart(name: string, onlyFailed: boolean): Promise<void> {
    await this.#call('POST', `/connectors/${name}/restart?includeTasks=true&onlyFailed=${onlyFailed}`);
  }

  /** Connect remembers it over restarts, but not beyond the connector's deletion. */
  async pause(name: string): Promise<void> {
    await this.#call('PUT', `/connectors/${name}/pause`);
  }

  /** Ends a pause, and also a stop. */
  async resume(name: string): Promise<void> {
    await this.#call('PUT', `/connectors/${name}/resume`);
  }

  /**
   * undefined for Connect's own 404, which is JSON. A worker that starts answers 404 without JSON, one that joins its group
   * 409 or 503: asked again until the time is over.
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
      if (error instanceof LoginError) throw error;
      throw new ConnectError('CONNECT_FAILED', `Kafka Connect does not answer at ${this.#service.url}. Is CONNECT_URL right?`, error);
    }
  }
}

function sameConfig(a: ConnectorConfig, b: ConnectorConfig): boolean {
  const keys = Object.keys({ ...a, ...b });
  return keys.every((key) => a[key] === b[key]);
}
