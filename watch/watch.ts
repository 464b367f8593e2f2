import type { Logger } from 'pino';
import type { Facts } from './facts.ts';
import type { WatchMetrics } from './metrics.ts';
import type { Tools } from './repairs.ts';
import type { Rule } from './rules.ts';

/** A repair that did not help is made again after the first, then doubling up to the last: no storm of restarts. */
const FIRST_BACKOFF_MS = 10_000;
const LAST_BACKOFF_MS = 300_000;
/** What was well for this long after its backoff starts over with the first. */
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
  backoffMs: number;
}

/**
 * One look and at most one repair, as what was repaired changes what the other rules would see.
 *
 * @returns look: whether something was done, so that the next look should come soon
 */
export function createWatch({ rules, readFacts, tools, metrics, log, now }: Dependencies): () => Promise<boolean> {
  const memories = new Map<Rule, Memory>(
    rules.map((rule) => [rule, { wrongSince: undefined, alarmed: false, notBefore: 0, backoffMs: FIRST_BACKOFF_MS }]),
  );
  let before: Facts | undefined;
  let said = '';
  /** Says once what stands in the way of the whole watch. */
  const say = (sentence: string) => {
    if (sentence !== said && sentence !== '') log.warn(sentence);
    said = sentence;
  };

  /** Keeps the rule's alarm. @returns whether it was wrong for long enough, so that the alarm is up */
  function judge(rule: Rule, memory: Memory, wrong: string | undefined): boolean {
    if (wrong === undefined) {
      if (memory.alarmed) log.info({ rule: rule.name, forMs: Math.round(now() - (memory.wrongSince ?? now())) }, 'well again');
      memory.wrongSince = undefined;
      memory.alarmed = false;
      if (now() > memory.notBefore + STEADY_MS) memory.backoffMs = FIRST_BACKOFF_MS;
    } else {
      memory.wrongSince ??= now();
      const lasts = now() - memory.wrongSince >= rule.patienceMs;
      if (lasts && !memory.alarmed) log.warn({ rule: rule.name, wrong }, 'alarm');
      memory.alarmed ||= lasts;
    }
    metrics.alarm(rule.name, memory.alarmed);
    return memory.alarmed;
  }

  async function repair(rule: Rule, memory: Memory, facts: Facts, wrong: string | undefined): Promise<void> {
    try {
      const done = await rule.repair?.(tools, facts);
      log.warn({ rule: rule.name, wrong, done }, 'repair');
      metrics.repair(rule.name, 'done');
    } catch (error) {
      log.error({ rule: rule.name, wrong, cause: error instanceof Error ? error.message : String(error) }, 'repair failed');
      metrics.repair(rule.name, 'failed');
    }
    memory.notBefore = now() + memory.backoffMs;
    memory.backoffMs = Math.min(memory.backoffMs * 2, LAST_BACKOFF_MS);
  }

  return async () => {
    let facts: Facts;
    try {
      facts = await readFacts();
    } catch (error) {
      say(`Postgres cannot be asked: ${error instanceof Error ? error.message : String(error)}`);
      metrics.blind();
      return false;
    }
    metrics.look(facts);
    say(facts.paused === undefined ? '' : `nothing is touched: ${facts.paused}`);
    let acted = false;
    for (const [rule, memory] of memories) {
      const wrong = facts.paused === undefined ? rule.wrong(facts, before) : undefined;
      const alarmed = judge(rule, memory, wrong);
      if (!alarmed || acted || rule.repair === undefined || now() < memory.notBefore) continue;
      acted = true;
      await repair(rule, memory, facts, wrong);
    }
    before = facts;
    return acted;
  };
}
