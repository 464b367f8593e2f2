import { EVENT_TOPIC } from '../../contract/names.ts';
import { askService, connectService } from '../../kit/http-login.ts';
import { connectFor } from '../../stack/http-logins.ts';
import { lagOf } from './kafka.ts';
import type { World } from './world.ts';

const CONNECTOR = 'zap-run-outbox';

/**
 * Lists what is not at rest.
 *
 * @param olderThanSeconds undefined: the driver has stopped, so nothing may wait. Otherwise younger rows may wait, and
 *   calls, as the failing target is behind while it gets new ones
 */
export async function unrestOf(world: World, olderThanSeconds?: number): Promise<string[]> {
  const down = world.supervisor.status().filter(({ state }) => state !== 'up');
  if (down.length > 0) return down.map(({ name, state, cause }) => `${name} is ${state}: ${cause ?? ''}`);
  try {
    const waiting = await waitingRows(world, olderThanSeconds);
    const connector = await connectorUnrest(world);
    if (olderThanSeconds !== undefined) return [...waiting, ...connector];
    const lags = await lagOf(world.config, EVENT_TOPIC, [...world.ackGroups, 'outbox-cleanup']);
    return [...waiting, ...connector, ...[...lags].filter(([, lag]) => lag > 0).map(([group, lag]) => `${group} is ${lag} events behind`)];
  } catch (error) {
    return [`cannot be asked: ${error instanceof Error ? error.message : String(error)}`];
  }
}

async function waitingRows(world: World, olderThanSeconds?: number): Promise<string[]> {
  const [row] = await world.query<{ outbox: number; calls: number }>(
    `SELECT (SELECT count(*) FROM zap_run_outbox WHERE created_at < now() - make_interval(secs => $1))::int AS outbox,
       (SELECT count(*) FROM actions.delivery WHERE state = 'pending')::int AS calls`,
    [olderThanSeconds ?? -1],
    'postgres',
  );
  return [
    ...(row?.outbox === 0 ? [] : [`${row?.outbox} rows are in the outbox`]),
    ...(olderThanSeconds !== undefined || row?.calls === 0 ? [] : [`${row?.calls} actions are not answered`]),
  ];
}

async function connectorUnrest(world: World): Promise<string[]> {
  const connect = connectService(connectFor(world.config));
  const response = await askService(connect, `/connectors/${CONNECTOR}/status`, { signal: AbortSignal.timeout(5000) });
  if (!response.ok) return [`Connect answers ${response.status} about the connector`];
  const { connector, tasks } = (await response.json()) as { connector: { state: string }; tasks: { state: string }[] };
  const states = [connector, ...tasks].map(({ state }) => state);
  return states.length > 1 && states.every((state) => state === 'RUNNING') ? [] : [`the connector and its task are ${states.join(', ')}`];
}
