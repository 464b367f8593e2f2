import { Command } from '@commander-js/extra-typings';
import { runId } from './arguments.ts';
import type { Config } from './config.ts';
import { withAdmin } from './kafka.ts';
import { withPostgres } from './postgres.ts';
import {
  NOT_ON_TOPIC,
  findRecords,
  readCalls,
  readGroups,
  readRun,
  traceIdOf,
  type Call,
  type GroupPosition,
  type TracedRun,
} from './trace.ts';
import type { Output, Run } from './verb.ts';

export const explain = (run: Run) =>
  new Command('explain')
    .description('where a run is: its row, its event on the topic, the groups that have handled it, its calls')
    .argument('<id>', 'the id in the answer to the webhook', runId)
    .action((id) => run((config, output) => tell(id, config, output)));

async function tell(id: string, config: Config, { say }: Output): Promise<number> {
  const line = (what: string, text: string) => say(`${what.padEnd(8)} ${text}`);
  return withPostgres(config.DATABASE_URL, async (pool) => {
    const found = await readRun(pool, id);
    if (found === undefined) {
      line('run', `no run has the id ${id}: it was never stored, was erased, or is older than RUN_KEEP_DAYS of cleanup`);
      return 1;
    }
    line('run', `${found.zap}, received ${found.received_at.toISOString()}, schema ${found.schema_id}, ${found.bytes} bytes of metadata`);
    line('trace', traceIdOf(found) ?? 'none');
    line('outbox', describeRow(found));
    for (const call of await readCalls(pool, id)) line('call', `${call.target}: ${describeCall(call)}`);
    return withAdmin(config, async (admin) => {
      const records = await findRecords(config, admin, id, found.received_at);
      for (const { partition, offset, appendedAt, resends } of records) {
        const again = resends === '0' ? '' : `, resends ${resends}`;
        line('topic', `partition ${partition}, offset ${offset}, appended ${appendedAt.toISOString()}${again}`);
      }
      const [first] = records;
      if (first === undefined) line('topic', NOT_ON_TOPIC);
      else line('groups', (await readGroups(admin, first, config.ACK_GROUPS)).map(describeGroup).join(', ') || 'none');
      return 0;
    });
  });
}

/** The state of the run's row, in words. */
function describeRow({ waits_since: waits, resends, buried_since: buried, reason }: TracedRun): string {
  if (waits !== null) return `its row waits since ${waits.toISOString()}, sent again ${resends} times`;
  if (buried !== null) return `buried since ${buried.toISOString()}: ${reason}`;
  return 'its row is gone: the event was read back from the topic and acknowledged';
}

/** The state of a call, in words. */
export function describeCall({ state, attempts, status, error, due_at: due }: Call): string {
  const answer = status === null ? (error ?? 'no answer yet') : String(status);
  const tries = `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`;
  if (state === 'pending') return attempts === 0 ? 'due' : `${answer} after ${tries}, due again ${due.toISOString()}`;
  return `${state} after ${tries}: ${answer}`;
}

const describeGroup = ({ group, past, awaited }: GroupPosition) =>
  `${group} ${past ? 'is past it' : 'is not past it'}${awaited ? ' (cleanup waits for it)' : ''}`;
