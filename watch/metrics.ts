import { Counter, Gauge, type Registry } from 'prom-client';
import { isRunning } from '../checks/connector-status.ts';
import type { Facts } from './facts.ts';

/** The watchdog's metrics. */
export interface WatchMetrics {
  observe: (facts: Facts) => void;
  /** Postgres did not answer, so nothing is known. */
  blind: () => void;
  alarm: (rule: string, on: boolean) => void;
  repair: (rule: string, outcome: 'done' | 'failed') => void;
}

/** The metrics of all shards together: each shows the shard that is worst off. */
interface AllMetrics {
  of: (connector: string) => WatchMetrics;
  /** Forgets the shards that no longer exist. */
  keep: (connectors: readonly string[]) => void;
}

export function createWatchMetrics(registry: Registry): AllMetrics {
  const registers = [registry];
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers });
  const alarms = new Gauge({ name: 'outbox_watch_alarm', help: '1 while the rule finds something wrong', labelNames: ['rule'], registers });
  const repairs = new Counter({
    name: 'outbox_watch_repairs_total',
    help: 'Repairs made',
    labelNames: ['rule', 'outcome'],
    registers,
  });
  const rounds = new Counter({ name: 'outbox_watch_rounds_total', help: 'Rounds in which Postgres answered', registers });
  const sees = gauge('outbox_watch_sees_postgres', '1 while Postgres answers; without it no rule can be evaluated');
  const paused = gauge('outbox_watch_paused', '1 while an operator wants the connector left alone');
  const running = gauge('outbox_watch_connector_running', '1 while the connector and its task are RUNNING');
  const active = gauge('outbox_watch_slot_active', '1 while the connector reads its slot');
  const retained = gauge('outbox_watch_slot_retained_bytes', 'WAL that Postgres keeps for the slot');
  const observed = new Map<string, Facts>();
  const alarmed = new Map<string, Set<string>>();
  const reported = new Set<string>();
  const showAlarm = (rule: string) => alarms.set({ rule }, [...alarmed.values()].some((of) => of.has(rule)) ? 1 : 0);
  const show = () => {
    const all = [...observed.values()];
    sees.set(1);
    paused.set(all.some(({ paused: why }) => why !== undefined) ? 1 : 0);
    running.set(all.every(({ connector }) => isRunning(connector)) ? 1 : 0);
    active.set(all.every(({ slot }) => slot?.active === true) ? 1 : 0);
    retained.set(Math.max(0, ...all.map(({ slot }) => slot?.keptBytes ?? 0)));
  };
  return {
    of: (name) => ({
      observe: (facts) => {
        rounds.inc();
        observed.set(name, facts);
        show();
      },
      blind: () => sees.set(0),
      alarm: (rule, on) => {
        reported.add(rule);
        const own = alarmed.get(name) ?? new Set();
        if (on) own.add(rule);
        else own.delete(rule);
        alarmed.set(name, own);
        showAlarm(rule);
      },
      repair: (rule, outcome) => repairs.inc({ rule, outcome }),
    }),
    keep: (names) => {
      for (const name of [...observed.keys(), ...alarmed.keys()]) {
        if (names.includes(name)) continue;
        observed.delete(name);
        alarmed.delete(name);
        for (const rule of reported) showAlarm(rule);
      }
    },
  };
}
