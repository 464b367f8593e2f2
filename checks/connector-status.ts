import type { ConnectorStatus } from '../kit/connect-api.ts';

// What a status of Connect means.

const partsOf = ({ connector, tasks }: ConnectorStatus) => [connector, ...tasks];

/** Whether the connector and each of its tasks are RUNNING, and it has at least one task. */
export const isRunning = (status: ConnectorStatus | undefined): boolean =>
  status !== undefined && status.tasks.length > 0 && partsOf(status).every(({ state }) => state === 'RUNNING');

/** Whether the connector and all its tasks are paused or stopped, so that nothing is published. */
export const isPaused = (status: ConnectorStatus | undefined): boolean =>
  status !== undefined && partsOf(status).every(({ state }) => state === 'PAUSED');

/** What has failed and why, the connector before its tasks; empty when nothing failed. */
export function failuresOf(status: ConnectorStatus | undefined): string[] {
  if (status === undefined) return [];
  const { connector, tasks } = status;
  return [
    ...(connector.state === 'FAILED' ? [`connector: ${rootCause(connector.trace)}`] : []),
    ...tasks.filter(({ state }) => state === 'FAILED').map(({ id, trace }) => `task ${id}: ${rootCause(trace)}`),
  ];
}

/** The last "Caused by" of a trace is the root cause. */
function rootCause(trace = ''): string {
  const lines = trace.split('\n');
  const last = lines.findLast((line) => line.startsWith('Caused by: ')) ?? lines[0] ?? '';
  return last.replace('Caused by: ', '').slice(0, 300);
}

/** The connectors of all shards as one: the first state that is not RUNNING, and all tasks. @returns undefined when one is missing */
export function together(statuses: readonly (ConnectorStatus | undefined)[]): ConnectorStatus | undefined {
  const known = statuses.filter((status) => status !== undefined);
  const [first] = known;
  if (first === undefined || known.length < statuses.length) return undefined;
  const { connector } = known.find((status) => status.connector.state !== 'RUNNING') ?? first;
  return { connector, tasks: known.flatMap(({ tasks }) => tasks) };
}
