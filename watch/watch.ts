import type { Logger } from 'pino';
import type { Facts } from './facts.ts';
import type { WatchMetrics } from './metrics.ts';
import type { Tools } from './repairs.ts';
import { runs, type Rule, type Step } from './rules.ts';

/** The pause between two steps of a repair doubles from the first to the last, which prevents a storm of restarts. */
const FIRST_PAUSE_MS = 10_000;
const LAST_PAUSE_MS = 300_000;
/** A rule that stays quiet for this long after its pause starts again with the first step. */
const STEADY_MS = 60_000;

export interface Dependencies {
  rules: readonly Rule[];
  readFacts: () => Promise<Facts>;
  tools: Tools;
  metrics: WatchMetrics;
  log: Logger;
  /** Milliseconds of a clock that never jumps. */
  now: () => number;
}

interface Memory {
  wrongSince: number | undefined;
  alarmed: boolean;
  notBefore: number;
  pauseMs: number;
  /** How many steps were taken without success. */
  taken: number;
}

const firstPause = ({ pauseMs = FIRST_PAUSE_MS }: Rule) => pauseMs;

/**
 * Makes the watch. A round reads the facts and makes at most one repair, because a repair changes the facts.
 *
 * @returns runs a round; whether it made a repair, so that the next round should come soon
 */
export function createWatch({ rules, readFacts, tools, metrics, log, now }: Dependencies): () => Promise<boolean> {
  const memories = new Map<Rule, Memory>(
    rules.map((rule) => [rule, { wrongSince: undefined, alarmed: false, notBefore: 0, pauseMs: firstPause(rule), taken: 0 }]),
  );
  const standstill = createStandstill(now);
  let said = '';
  /** Logs once why the watch cannot work. */
  const say = (sentence: string) => {
    if (sentence !== said && sentence !== '') log.warn(sentence);
    said = sentence;
  };

  /** Updates the rule's alarm, also during a pause. @returns whether it is active */
  function updateAlarm(rule: Rule, memory: Memory, facts: Facts, wrong: string | undefined): boolean {
    if (wrong !== undefined) {
      memory.wrongSince ??= now();
      const lasts = now() - memory.wrongSince >= rule.patienceMs;
      if (lasts && !memory.alarmed) log.warn({ rule: rule.name, wrong }, 'alarm');
      memory.alarmed ||= lasts;
    } else if (rule.conclusive?.(facts) ?? true) {
      if (memory.alarmed) log.info({ rule: rule.name, forMs: Math.round(now() - (memory.wrongSince ?? now())) }, 'well again');
      memory.wrongSince = undefined;
      memory.alarmed = false;
      if (now() > memory.notBefore + STEADY_MS) Object.assign(memory, { pauseMs: firstPause(rule), taken: 0 });
    }
    metrics.alarm(rule.name, memory.alarmed);
    return memory.alarmed;
  }

  async function repair(rule: Rule, steps: readonly Step[], memory: Memory, facts: Facts, wrong: string): Promise<void> {
    const step = steps[Math.min(memory.taken, steps.length - 1)];
    try {
      const done = await step?.(tools, facts);
      memory.taken += 1;
      log.warn({ rule: rule.name, wrong, step: memory.taken, done }, 'repair');
      metrics.repair(rule.name, 'done');
    } catch (error) {
      log.error({ rule: rule.name, wrong, cause: error instanceof Error ? error.message : String(error) }, 'repair failed');
      metrics.repair(rule.name, 'failed');
    }
    memory.notBefore = now() + memory.pauseMs;
    memory.pauseMs = Math.min(memory.pauseMs * 2, LAST_PAUSE_MS);
  }

  return async () => {
    let facts: Facts;
    try {
      facts = await readFacts();
    } catch (error) {
      say(`Postgres does not answer: ${error instanceof Error ? error.message : String(error)}`);
      metrics.blind();
      return false;
    }
    metrics.observe(facts);
    say(facts.paused === undefined ? '' : `no repairs are made: ${facts.paused}`);
    const stillMs = standstill(facts);
    let acted = false;
    for (const [rule, memory] of memories) {
      const wrong = rule.wrong(facts, stillMs);
      const alarmed = updateAlarm(rule, memory, facts, wrong);
      if (
        !alarmed ||
        wrong === undefined ||
        facts.paused !== undefined ||
        acted ||
        rule.steps === undefined ||
        rule.steps.length === 0 ||
        now() < memory.notBefore
      )
        continue;
      acted = true;
      await repair(rule, rule.steps, memory, facts, wrong);
    }
    return acted;
  };
}

/** Tells how long the connector has read its slot without progress. A restart in between is not progress. */
function createStandstill(now: () => number): (facts: Facts) => number {
  let last = { at: 0, position: '', reads: false };
  let stillMs = 0;
  return (facts) => {
    const next = { at: now(), position: facts.position, reads: runs(facts) && facts.slot?.active === true };
    if (next.position !== last.position) stillMs = 0;
    else if (next.reads && last.reads) stillMs += next.at - last.at;
    last = next;
    return stillMs;
  };
}
