import { Keeper, type Part, type Status } from './keeper.ts';

/** Runs the parts: each as soon as those it needs are up, again when it dies, the other way round at the end. */
export class Supervisor {
  readonly #keepers: Map<string, Keeper>;

  constructor(parts: Part[], dir: string, startTimeoutMs: number) {
    this.#keepers = new Map(parts.map((part) => [part.name, new Keeper(part, dir, startTimeoutMs)]));
  }

  status(): Status[] {
    return [...this.#keepers.values()].map(({ status }) => status);
  }

  /** @throws when a part does not exist */
  start(names = [...this.#keepers.keys()]): void {
    for (const keeper of this.#named(names)) keeper.start(this.#named(keeper.part.needs));
  }

  /** Stops the named parts and nothing else, each after those among them that need it. */
  async stop(names = [...this.#keepers.keys()]): Promise<void> {
    const leaving = this.#named(names);
    const stopped = new Map<Keeper, Promise<void>>();
    const stop = (keeper: Keeper): Promise<void> => {
      const known = stopped.get(keeper);
      if (known !== undefined) return known;
      const dependents = leaving.filter(({ part }) => part.needs.includes(keeper.part.name));
      const done = Promise.all(dependents.map(stop)).then(() => keeper.stop());
      stopped.set(keeper, done);
      return done;
    };
    await Promise.all(leaving.map(stop));
  }

  #named(names: readonly string[]): Keeper[] {
    return names.map((name) => {
      const keeper = this.#keepers.get(name);
      if (keeper === undefined) throw new Error(`no part is called ${name}; there are ${[...this.#keepers.keys()].join(', ')}`);
      return keeper;
    });
  }
}
