import type { ConnectorStatus } from '../kit/connect-api.ts';

// What a status of Connect means, for whoever asks for one.

const partsOf = ({ connector, tasks }: ConnectorStatus) => [connector, ...tasks];

/** Whether the connector works: it and each of its tasks, of which there is one at least. */
export const isRunning = (status: ConnectorStatus | undefined): boolean =>
  status !== undefined && status.tasks.length > 0 && partsOf(status).every(({ state }) => state === 'RUNNING');

/** Whether nothing of it is published any more: it and its tasks, where it has any. */
export const isPaused = (status: ConnectorStatus | undefined): boolean =>
  status !== undefined && partsOf(status).every(({ state }) => state === 'PAUSED');

/** What has failed and why, the connector before its tasks; empty when nothing has. */
export function failuresOf(status: ConnectorStatus | undefined): string[] {
  if (status === undefined) return [];
  const { connector, tasks } = status;
  return [
    ...(connector.state === 'FAILED' ? [`connector: ${rootCause(connector.trace)}`] : []),
    ...tasks.filter(({ state }) => state === 'FAILED').map(({ id, trace }) => `task ${id}: ${rootCause(trace)}`),
  ];
}

/** The last "Caused by" of a trace is what happened; the lines above say who was told. */
function rootCause(trace = ''): string {
  const lines = trace.split('\n');
  const last = lines.findLast((line) => line.startsWith('Caused by: ')) ?? lines[0] ?? '';
  return last.replace('Caused by: ', '').slice(0, 300);
}
