import { z } from 'zod';
import { integer, port, secret } from '../kit/settings.ts';

/** The settings of `make up`. */
export const settings = z.object({
  STACK: z.enum(['auto', 'docker', 'embedded']).default('auto').describe('docker, embedded, or auto: Docker if an engine answers'),
  STACK_DIR: z.string().default('.stack').describe('Folder of the passwords, and of the state and logs of the embedded stack'),
  STACK_JARS: z.string().default('.stack/jars').describe('Folder of the jars from Maven Central'),
  POSTGRES_BIN: z
    .string()
    .optional()
    .describe('Folder with initdb and postgres, 16 or newer; none: Postgres 17 from npm. Embedded stack only'),
  START_TIMEOUT_SECONDS: integer(5, 3600).default(120).describe('Deadline for a part to be healthy'),
  INGEST_PORT: port().default(3002).describe('Port for webhooks'),
  POSTGRES_PORT: port().default(5433).describe('Port of Postgres; not 5432, where many machines run their own'),
  KAFKA_PORT: port().default(9092).describe('Port of the Kafka broker'),
  KAFKA_CONTROLLER_PORT: port().default(9093).describe("Port of Kafka's KRaft controller"),
  REGISTRY_PORT: port().default(8081).describe('Port of the schema registry'),
  REGISTRY_MANAGEMENT_PORT: port().default(8082).describe("Port of the registry's health and metrics"),
  CONNECT_PORT: port().default(8083).describe("Port of Kafka Connect's REST interface"),
  INGEST_METRICS_PORT: port().default(9401).describe("Port of ingest's metrics"),
  CLEANUP_METRICS_PORT: port().default(9402).describe("Port of cleanup's metrics"),
  WATCH_METRICS_PORT: port().default(9403).describe("Port of the watchdog's metrics"),
  CONSUMER_METRICS_PORT: port().default(9404).describe("Port of the typed consumer's metrics"),
  ACTIONS_METRICS_PORT: port().default(9405).describe("Port of the action consumer's metrics"),
  ECHO_PORT: port().default(3003).describe('Port of the echo target, which shows the actions of the quick start'),
  CONSOLE_PORT: port().default(3004).describe('Port of the page of the pipeline'),
  UI_PORT: port().default(8080).describe('Port of the Kafka UI'),
  PROMETHEUS_PORT: port().default(9090).describe('Port of Prometheus, once make metrics has started it'),
  GRAFANA_PORT: port().default(3000).describe('Port of Grafana, which make metrics starts in Docker'),
  CONSOLE_PASSWORD: secret()
    .min(12)
    .optional()
    .describe('Password of the page of the pipeline. Without it: generated in Docker, no login on loopback in the embedded stack'),
  EXACTLY_ONCE: z
    .enum(['enabled', 'disabled'])
    .default('disabled')
    .describe('Whether Connect writes events and its position in one Kafka transaction: no repeats after a crash of Connect'),
  PROFILE: z
    .enum(['single', 'cluster'])
    .default('single')
    .describe(
      'cluster: three brokers, two workers of Kafka Connect, and three copies of ingest, cleanup and each consumer. Embedded stack only',
    ),
  STACK_TLS: z
    .stringbool()
    .default(false)
    .describe(
      'true: Postgres, Kafka and the registry of the embedded stack accept only TLS, with certificates that it makes with openssl, and Kafka requires a client certificate',
    ),
  KAFKA_HEAP_MB: integer(128, 65_536).default(320).describe('Java heap of the broker'),
  CONNECT_HEAP_MB: integer(128, 65_536).default(320).describe('Java heap of Kafka Connect'),
  REGISTRY_HEAP_MB: integer(96, 65_536).default(192).describe('Java heap of the registry'),
});

export type StackSettings = Readonly<z.output<typeof settings>>;
