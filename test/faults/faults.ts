import { setTimeout as delay } from 'node:timers/promises';
import type { StackConfig } from '../../stack/config.ts';
import { copyNames } from '../../stack/copies.ts';
import type { Fault } from './fault.ts';
import type { LinkState } from './link.ts';
import { createRandom } from './random.ts';
import { stateFaults } from './state-faults.ts';
import { family, type World } from './world.ts';

const services = ['ingest', 'cleanup', 'watch', 'consumer', 'actions'] as const;
const servers = ['postgres', 'kafka', 'connect', 'registry'] as const;

const nothing = async () => undefined;

/** The processes of a part; none while it is down. Only these are ever signalled. */
function pidsOf({ supervisor, driver }: World, part: string): number[] {
  const pid = part === 'driver' ? driver.pid() : supervisor.status().find(({ name }) => name === part)?.pid;
  return pid === undefined ? [] : family(pid);
}

function signal(pids: readonly number[], what: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, what);
    } catch {
      // It has ended meanwhile.
    }
  }
}

async function freeze(world: World, names: readonly string[]): Promise<() => Promise<void>> {
  const frozen = names.flatMap((part) => pidsOf(world, part));
  signal(frozen, 'SIGSTOP');
  return async () => signal(frozen, 'SIGCONT');
}

/** Ends a part in order, and starts it after a while. */
async function stop({ supervisor }: World, part: string): Promise<() => Promise<void>> {
  await supervisor.stop([part]);
  return async () => supervisor.start([part]);
}

const linkFault = (state: LinkState, holdMs: [number, number], links: readonly string[]): Fault => ({
  name: `link ${state}`,
  parts: links,
  holdMs,
  inject: async (world, name) => {
    const link = world.links.get(name);
    if (link === undefined) throw new Error(`there is no link ${name}`);
    link.state = state;
    return async () => void (link.state = 'open');
  },
});

/** All faults, about each copy of each part, with the links that there are. */
export function faultsOf(config: Pick<StackConfig, 'PROFILE'>, links: readonly string[]): Fault[] {
  const each = (names: readonly string[]) => names.flatMap((name) => copyNames(config, name));
  const parts = each([...services, ...servers]);
  return [
    {
      name: 'kill',
      parts: [...parts, 'driver'],
      holdMs: [0, 0],
      inject: async (world, part) => {
        signal(pidsOf(world, part), 'SIGKILL');
        return nothing;
      },
    },
    {
      // Each is started again as soon as it is seen dead, so in any order.
      name: 'kill everything',
      parts: [''],
      holdMs: [0, 0],
      inject: async (world) => {
        signal(
          parts.flatMap((part) => pidsOf(world, part)),
          'SIGKILL',
        );
        return nothing;
      },
    },
    {
      // Three deaths of one part, each as soon as it may be up again.
      name: 'kill again and again',
      parts,
      holdMs: [0, 0],
      inject: async (world, part) => {
        for (let times = 0; times < 3; times += 1) {
          signal(pidsOf(world, part), 'SIGKILL');
          await delay(1500);
        }
        return nothing;
      },
    },
    { name: 'freeze', parts, holdMs: [2000, 12_000], inject: (world, part) => freeze(world, [part]) },
    { name: 'freeze everything', parts: [''], holdMs: [5000, 8000], inject: (world) => freeze(world, parts) },
    {
      name: 'long freeze',
      parts: each(['postgres', 'kafka', 'connect', 'cleanup', 'consumer']),
      holdMs: [40_000, 60_000],
      inject: (world, part) => freeze(world, [part]),
    },
    { name: 'stop', parts, holdMs: [0, 8000], inject: stop },
    {
      name: 'start in random order',
      parts: [''],
      holdMs: [0, 0],
      inject: async ({ supervisor }) => {
        await supervisor.stop(parts);
        const order = createRandom(Date.now()).shuffle(parts);
        return async () => {
          for (const part of order) {
            supervisor.start([part]);
            await delay(500);
          }
        };
      },
    },
    linkFault('cut', [1000, 8000], links),
    linkFault('stall', [2000, 12_000], links),
    linkFault('slow', [3000, 10_000], links),
    linkFault('half-open', [0, 0], links),
    ...stateFaults,
  ];
}
