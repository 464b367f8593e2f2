import type { StackConfig } from '../../stack/config.ts';
import { copiesOf, copyName, copyNames, copyPort } from '../../stack/copies.ts';
import type { Part } from '../../stack/keeper.ts';
import { Link } from './link.ts';

// Every connection between two parts goes through its own link, so that one can be cut while the others work.

type Server = 'POSTGRES' | 'KAFKA' | 'REGISTRY' | 'CONNECT';

/** Client → the servers that it talks to. Of several workers it asks the first, of several brokers each. */
const clients: Readonly<Record<string, readonly Server[]>> = {
  ingest: ['POSTGRES'],
  connect: ['POSTGRES', 'KAFKA'],
  registry: ['POSTGRES'],
  watch: ['POSTGRES', 'KAFKA', 'CONNECT'],
  cleanup: ['POSTGRES', 'KAFKA'],
  consumer: ['KAFKA', 'REGISTRY'],
  actions: ['POSTGRES', 'KAFKA', 'REGISTRY'],
};

export interface Wiring {
  links: ReadonlyMap<string, Link>;
  /** The parts, each talking to the others through its links. */
  rewire: (parts: readonly Part[]) => Part[];
  /** A broker's properties with a listener for each client: a broker tells a client the address of the listener it came by. */
  listeners: (broker: string, properties: string) => string;
}

/** A server as a client reaches it. */
interface Reached {
  name: string;
  port: number;
}

function reached(config: StackConfig, servers: readonly Server[]): Reached[] {
  return servers.flatMap((setting) => {
    const part = setting.toLowerCase();
    const copies = setting === 'KAFKA' ? copiesOf(config, part) : [1];
    return copies.map((copy) => ({ name: copyName(part, copy), port: copyPort(config, `${setting}_PORT`, copy) }));
  });
}

/** @param freePorts as many free ports as asked for */
export async function openLinks(config: StackConfig, freePorts: (count: number) => Promise<number[]>): Promise<Wiring> {
  const serversOf = new Map(
    Object.entries(clients).flatMap(([part, servers]) =>
      copyNames(config, part).map((client) => [client, reached(config, servers)] as const),
    ),
  );
  const wanted = [...serversOf].flatMap(([client, servers]) => servers.map((server) => ({ client, server })));
  const ports = await freePorts(wanted.length * 2);
  const links = new Map<string, Link>();
  /** Of each broker, by listener: its own port, and the link before it. A listener has the same name at every broker. */
  const brokers = new Map(copyNames(config, 'kafka').map((broker) => [broker, new Map<string, { own: number; port: number }>()]));
  for (const [index, { client, server }] of wanted.entries()) {
    const name = `${client}-${server.name}`;
    const [port = 0, own = 0] = ports.slice(index * 2);
    brokers.get(server.name)?.set(`${client}-kafka`, { own, port });
    links.set(name, await Link.open(name, port, brokers.has(server.name) ? own : server.port));
  }
  const rewire = (parts: readonly Part[]) => parts.map((part) => rewired(part, serversOf.get(part.name) ?? [], links));
  return { links, rewire, listeners: (broker, properties) => withListeners(properties, brokers.get(broker) ?? new Map()) };
}

function rewired(part: Part, servers: readonly Reached[], links: ReadonlyMap<string, Link>): Part {
  const { env = {} } = part.command;
  const replaced = Object.entries(env).map(([name, value]) => {
    const through = servers.reduce((text, server) => {
      const [from, to] = [String(server.port), String(links.get(`${part.name}-${server.name}`)?.port)];
      return text === from ? to : text.replaceAll(`127.0.0.1:${from}`, `127.0.0.1:${to}`);
    }, value ?? '');
    return [name, through] as const;
  });
  return { ...part, command: { ...part.command, env: Object.fromEntries(replaced) } };
}

/** The listeners of the clients are copies of the first one, including its login. */
export function withListeners(properties: string, ports: ReadonlyMap<string, { own: number; port: number }>): string {
  const lines = properties.split('\n');
  const first = /^listeners=([A-Z_0-9]+):/m.exec(properties)?.[1] ?? '';
  const names = [...ports].map(([name, { own, port }]) => ({ own, port, listener: name.replaceAll('-', '_').toUpperCase() }));
  const copies = lines.flatMap((line) => {
    const own = `listener.name.${first.toLowerCase()}.`;
    return line.startsWith(own) ? names.map(({ listener }) => `listener.name.${listener.toLowerCase()}.${line.slice(own.length)}`) : [];
  });
  const protocol = new RegExp(`^listener\\.security\\.protocol\\.map=.*\\b${first}:([A-Z_]+)`, 'm').exec(properties)?.[1] ?? 'PLAINTEXT';
  const more: Record<string, (name: { own: number; port: number; listener: string }) => string> = {
    listeners: ({ own, listener }) => `${listener}://127.0.0.1:${own}`,
    'advertised.listeners': ({ port, listener }) => `${listener}://127.0.0.1:${port}`,
    'listener.security.protocol.map': ({ listener }) => `${listener}:${protocol}`,
  };
  const longer = lines.map((line) => {
    const add = more[line.slice(0, line.indexOf('='))];
    return add === undefined ? line : [line, ...names.map(add)].join(',');
  });
  return [...longer, ...copies].join('\n');
}
