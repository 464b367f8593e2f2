/**
 * A queue of which a few entries run in one turn of the event loop: between turns it is everybody else's.
 *
 * @param perTurn how many
 */
export function createTurns(perTurn: number) {
  const waiting: (() => void)[] = [];
  let scheduled = false;

  function schedule(): void {
    if (scheduled || waiting.length === 0) return;
    scheduled = true;
    setImmediate(takeTurn);
  }

  function takeTurn(): void {
    scheduled = false;
    for (const run of waiting.splice(0, perTurn)) run();
    schedule();
  }

  return {
    waiting: () => waiting.length,
    push(run: () => void): void {
      waiting.push(run);
      schedule();
    },
  };
}
