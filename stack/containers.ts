import type { Status } from './keeper.ts';

// What `docker inspect` says about a container, as the status of a part.

export interface Container {
  Id: string;
  /** With a slash before it. */
  Name: string;
  RestartCount: number;
  State: {
    Status: 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';
    Pid: number;
    ExitCode: number;
    StartedAt: string;
    FinishedAt: string;
    Error: string;
    Health?: { Status: 'starting' | 'healthy' | 'unhealthy'; Log: { End: string; Output: string }[] | null };
  };
  Config: { Labels: Record<string, string>; Healthcheck?: object };
  HostConfig: { PortBindings: Record<string, { HostIp: string; HostPort: string }[] | null> | null };
}

export const serviceOf = ({ Config }: Container) => Config.Labels['com.docker.compose.service'] ?? '';

/** A container without a health check is a job: up once it has ended with 0. */
export function describeContainer(container: Container): Status {
  const { State, HostConfig, RestartCount } = container;
  const job = container.Config.Healthcheck === undefined;
  const state = job ? stateOfJob(State) : stateOfService(State);
  const ended = job ? State.FinishedAt : State.Health?.Log?.at(-1)?.End;
  const [binding] = Object.values(HostConfig.PortBindings ?? {}).flatMap((bindings) => bindings ?? []);
  return {
    name: serviceOf(container),
    state,
    job,
    address: binding === undefined ? undefined : `${binding.HostIp}:${binding.HostPort}`,
    pid: State.Pid === 0 ? undefined : State.Pid,
    ...(state === 'up' && ended !== undefined ? { took: (Date.parse(ended) - Date.parse(State.StartedAt)) / 1000 } : {}),
    restarts: RestartCount,
    cause: state === 'up' ? undefined : causeOf(State),
  };
}

function stateOfJob({ Status, ExitCode }: Container['State']): Status['state'] {
  if (Status === 'exited') return ExitCode === 0 ? 'up' : 'failed';
  if (Status === 'restarting' || Status === 'dead') return 'failed';
  return Status === 'created' ? 'waiting' : 'starting';
}

function stateOfService({ Status, Health }: Container['State']): Status['state'] {
  if (Status === 'running') return Health?.Status === 'healthy' ? 'up' : Health?.Status === 'unhealthy' ? 'failed' : 'starting';
  if (Status === 'restarting' || Status === 'dead') return 'failed';
  return Status === 'created' ? 'waiting' : 'stopped';
}

function causeOf({ Status, ExitCode, Error, Health }: Container['State']): string {
  if (Error !== '') return Error;
  const said = Health?.Log?.at(-1)?.Output.trim() ?? '';
  return Status === 'running' ? `not healthy yet${said === '' ? '' : `: ${said.slice(0, 300)}`}` : `${Status}, exit code ${ExitCode}`;
}
