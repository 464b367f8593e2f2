import { rmSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { composeArgs, composeEnvironment, composeVariables, projectName, readPins, requirePins } from './compose.ts';
import { writeOwnComposeFile } from './compose-files.ts';
import type { StackConfig } from './config.ts';
import { describeContainer, serviceOf, type Container } from './containers.ts';
import { docker } from './engine.ts';
import { StackError } from './errors.ts';
import type { Status } from './keeper.ts';
import { removeOperatorEnv, writeOperatorEnv } from './operator.ts';
import { ACK_GROUPS } from './parts.ts';
import { ON_DEMAND, portSettings, requireFreePorts } from './ports.ts';
import type { FollowCommand, Say, Stack, UpTimes } from './stack.ts';
import { untilUp } from './until-up.ts';

const STOP_WITHIN_SECONDS = '20';
const LOG_LINES = '5000';

/** The stack as containers, by compose.yaml. */
export class DockerStack implements Stack {
  readonly way = 'docker';
  readonly #config: StackConfig;
  readonly #env: Record<string, string>;

  constructor(config: StackConfig) {
    this.#config = config;
    this.#env = composeEnvironment(config);
  }

  async up(say: Say): Promise<UpTimes> {
    requirePins(process.env);
    writeOwnComposeFile(this.#config.dir, process.env);
    const running = (await this.status()) !== undefined;
    if (!running) await requireFreePorts(this.#config, published());
    const began = performance.now();
    say('building the images, where something changed…');
    await this.#compose('build', '--quiet');
    const built = performance.now();
    try {
      await this.#boot(say);
    } catch (error) {
      if (!running) await this.down();
      throw error;
    }
    writeOperatorEnv(this.#config, ACK_GROUPS);
    // Its image is large and the chain does not need it: it is fetched when somebody asks for it.
    if (await this.#hasUiImage()) await this.ui(say);
    return { downloads: (built - began) / 1000, boot: (performance.now() - built) / 1000 };
  }

  async down(): Promise<void> {
    if ((await this.#containers()).length > 0) await this.#remove();
  }

  async nuke(): Promise<void> {
    await this.#remove('--volumes');
    const images = ['typescript', 'connect'].map((name) => `${projectName(this.#config.dir)}-${name}`);
    await docker(['image', 'rm', '--force', ...images]);
    for (const name of ['compose.env', 'compose.own.json']) rmSync(`${this.#config.dir}/${name}`, { force: true });
  }

  async status(): Promise<Status[] | undefined> {
    const parts = (await this.#containers())
      .filter((one) => !['ui', 'prometheus', 'grafana'].includes(serviceOf(one)))
      .map(describeContainer);
    return parts.length === 0 ? undefined : parts.sort((a, b) => a.name.localeCompare(b.name));
  }

  async memory(): Promise<Map<string, number>> {
    const running = (await this.#containers()).filter(({ State }) => State.Status === 'running');
    const names = new Map(running.map((one) => [one.Name.slice(1), serviceOf(one)]));
    const usage = await docker(['stats', '--no-stream', '--format', '{{.Name}}\t{{.MemUsage}}', ...running.map(({ Id }) => Id)]);
    const lines = usage.trim().split('\n');
    return new Map(lines.map((line) => line.split('\t')).map(([name = '', used = '']) => [names.get(name) ?? name, megabytes(used)]));
  }

  async start(names: readonly string[]): Promise<void> {
    await docker(['start', ...(await this.#ids(names))]);
  }

  async stop(names: readonly string[]): Promise<void> {
    await docker(['stop', '--time', STOP_WITHIN_SECONDS, ...(await this.#ids(names))]);
  }

  async kill(name: string): Promise<void> {
    const [id = ''] = await this.#ids([name]);
    // `docker kill` counts as a stop by hand, after which nothing is started again; from within it is a crash. Postgres
    // runs as another user than its entrypoint.
    const as = name === 'postgres' ? ['--user', 'postgres'] : [];
    await docker(['exec', ...as, id, 'sh', '-c', 'kill -9 -1']).catch(() => undefined);
  }

  async log(name: string): Promise<string> {
    // Compose clears the line before some of them, whatever it is told about colours.
    return stripVTControlCharacters(await this.#compose('logs', '--no-log-prefix', '--no-color', '--tail', LOG_LINES, name));
  }

  followLogs(name: string | undefined): FollowCommand {
    const args = composeArgs(this.#config, 'logs', '--follow', '--tail', '20', ...(name === undefined ? [] : [name]));
    return { file: 'docker', args, env: this.#env };
  }

  async ui(say: Say): Promise<void> {
    try {
      await this.#compose('--profile', 'ui', 'up', '--detach', '--no-recreate', '--quiet-pull', 'ui');
    } catch (error) {
      if (!(error instanceof StackError)) throw error;
      throw new StackError('NO_UI', `Kafbat's Kafka UI cannot be started; the rest of the stack is not concerned. ${error.message}`);
    }
    say(`  ui        http://localhost:${this.#config.UI_PORT}  (Kafbat's Kafka UI; takes some seconds to start)`);
  }

  async metrics(say: Say): Promise<void> {
    await requireFreePorts(this.#config, ['PROMETHEUS_PORT', 'GRAFANA_PORT']);
    await this.#compose('--profile', 'metrics', 'up', '--detach', '--no-recreate', '--quiet-pull', 'prometheus', 'grafana');
    say(`  prometheus  http://localhost:${this.#config.PROMETHEUS_PORT}/alerts`);
    say(`  grafana     http://localhost:${this.#config.GRAFANA_PORT}/d/outbox`);
  }

  async #boot(say: Say): Promise<void> {
    let booting = true;
    let refusal: unknown;
    const composed = this.#compose('up', '--detach', '--remove-orphans', '--quiet-pull')
      .catch((error: unknown) => (refusal = error))
      .finally(() => (booting = false));
    try {
      await untilUp(this, say, this.#config.START_TIMEOUT_SECONDS, { goesOn: () => booting, isFinal: () => !booting });
    } catch (error) {
      await composed;
      // Nothing was even made: then what compose says is the cause, such as an image that cannot be pulled.
      throw (await this.status())?.some(({ state }) => state !== 'waiting') === true ? error : (refusal ?? error);
    }
    await composed;
  }

  // The environment goes before the files: what a shell has exported for something else must not get in.
  #compose(...command: string[]): Promise<string> {
    return docker(composeArgs(this.#config, ...command), { env: this.#env });
  }

  async #remove(...what: string[]): Promise<void> {
    removeOperatorEnv(this.#config.dir);
    await this.#compose('--profile', '*', 'down', '--remove-orphans', '--timeout', STOP_WITHIN_SECONDS, ...what);
  }

  async #containers(): Promise<Container[]> {
    const ours = `label=com.docker.compose.project=${projectName(this.#config.dir)}`;
    const ids = (await docker(['ps', '--all', '--quiet', '--no-trunc', '--filter', ours])).split('\n').filter(Boolean);
    return ids.length === 0 ? [] : (JSON.parse(await docker(['inspect', '--type', 'container', ...ids])) as Container[]);
  }

  /** @param names all parts that stay running when empty @throws when a part does not exist */
  async #ids(names: readonly string[]): Promise<string[]> {
    const found = await this.#containers();
    if (names.length === 0) return found.filter((one) => !describeContainer(one).job).map(({ Id }) => Id);
    return names.map((name) => {
      const container = found.find((one) => serviceOf(one) === name);
      if (container === undefined) throw new Error(`no part is called ${name}; there are ${found.map(serviceOf).join(', ')}`);
      return container.Id;
    });
  }

  async #hasUiImage(): Promise<boolean> {
    const image = process.env.UI_IMAGE ?? readPins().UI_IMAGE ?? '';
    return docker(['image', 'inspect', '--format', '{{.Id}}', image]).then(
      () => true,
      () => false,
    );
  }
}

/** The settings of the ports that compose.yaml publishes, but for those of what is started on demand. */
function published() {
  const used = composeVariables(/_PORT$/);
  return portSettings.filter((name) => used.includes(name) && !ON_DEMAND.includes(name));
}

/** `329.5MiB / 896MiB` → 330 */
function megabytes(usage: string): number {
  const [, number = '0', unit = 'MiB'] = /^([\d.]+)\s*([KMG]iB|B)/.exec(usage) ?? [];
  return Math.round(Number(number) * ({ B: 2 ** -20, KiB: 2 ** -10, MiB: 1, GiB: 2 ** 10 }[unit] ?? 1));
}
