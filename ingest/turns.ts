/**
 * A queue of which a few entries run in one turn of the event loop: between turns it is everybody else's.
 *
 * @param perTurn how many
 */
export function createTurns(perTurn: number) {
  const waiting: (() => void)[] = [];

  function takeTurn(): void {
    for (const run of waiting.splice(0, perTurn)) run();
    if (waiting.length > 0) setImmediate(takeTurn);
  }

  return {
    waiting: () => waiting.length,
    push(run: () => void): void {
      waiting.push(run);
      if (waiting.length === 1) setImmediate(takeTurn);
    },
  };
}
