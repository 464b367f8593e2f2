import {
  containerSecurity,
  databaseVariable,
  fromConnections,
  image,
  kafkaCa,
  kafkaVariables,
  labels,
  mounts,
  podBasics,
  postgresCa,
  registryVariables,
  value,
  volumes,
  type Manifest,
  type Mount,
  type Variable,
} from './manifest.ts';
import { networkPolicy } from './network.ts';

// The migrations and the registration as one Job, so that they run in this order.

const NAME = 'setup';

function container(name: string, version: string, main: string, env: Variable[], its: Mount[]) {
  return {
    name,
    image: image(version),
    command: ['node', main],
    env,
    resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { cpu: '1', memory: '256Mi' } },
    securityContext: containerSecurity,
    volumeMounts: mounts(its),
  };
}

const registerVariables = [
  databaseVariable('operator'),
  ...kafkaVariables('register'),
  ...registryVariables('writer'),
  fromConnections('CONNECT_URL'),
  fromConnections('CDC_DATABASE_USER'),
  value('TOPIC_REPLICATION_FACTOR', '3'),
  value('REGISTER_TIMEOUT_SECONDS', '300'),
];

/** @param version the version of the image; part of the Job's name, as a Job cannot be changed */
export const setup = (version: string): Manifest[] => [
  {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: `${NAME}-${version.replaceAll('.', '-')}`, labels: labels(NAME) },
    spec: {
      backoffLimit: 10,
      template: {
        metadata: { labels: labels(NAME) },
        spec: {
          restartPolicy: 'OnFailure',
          ...podBasics,
          initContainers: [container('migrate', version, 'prisma/migrate.ts', [databaseVariable('owner')], [postgresCa])],
          containers: [container('register', version, 'connect/main.ts', registerVariables, [postgresCa, kafkaCa])],
          volumes: volumes([postgresCa, kafkaCa]),
        },
      },
    },
  },
  networkPolicy(NAME, [], ['postgres', 'kafka', 'registry', 'connect']),
];
