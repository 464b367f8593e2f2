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

export function createWatchMetrics(registry: Registry): WatchMetrics {
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
  return {
    observe: ({ paused: why, connector, slot }) => {
      rounds.inc();
      sees.set(1);
      paused.set(why === undefined ? 0 : 1);
      running.set(isRunning(connector) ? 1 : 0);
      active.set(slot?.active === true ? 1 : 0);
      retained.set(slot?.keptBytes ?? 0);
    },
    blind: () => sees.set(0),
    alarm: (rule, on) => alarms.set({ rule }, on ? 1 : 0),
    repair: (rule, outcome) => repairs.inc({ rule, outcome }),
  };
}
