import type { StackConfig } from '../../stack/config.ts';
import type { Part } from '../../stack/keeper.ts';
import { Link } from './link.ts';

// Every connection between two parts goes through its own link, so that one can be cut while the others work.

type Server = 'POSTGRES' | 'KAFKA' | 'REGISTRY' | 'CONNECT';

/** Client → the servers that it talks to. */
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
  /** kafka.properties with a listener for each client: a broker tells a client the address of the listener it came by. */
  listeners: (properties: string) => string;
}

const linkName = (client: string, server: string) => `${client}-${server.toLowerCase()}`;

/** @param freePorts as many free ports as asked for */
export async function openLinks(config: StackConfig, freePorts: (count: number) => Promise<number[]>): Promise<Wiring> {
  const wanted = Object.entries(clients).flatMap(([client, servers]) => servers.map((server) => ({ client, server })));
  const ports = await freePorts(wanted.length * 2);
  const links = new Map<string, Link>();
  /** Kafka's own port behind each link. */
  const behind = new Map<string, number>();
  for (const [index, { client, server }] of wanted.entries()) {
    const name = linkName(client, server);
    const [port = 0, own = 0] = ports.slice(index * 2);
    if (server === 'KAFKA') behind.set(name, own);
    links.set(name, await Link.open(name, port, server === 'KAFKA' ? own : config[`${server}_PORT`]));
  }
  const rewire = (parts: readonly Part[]) => parts.map((part) => rewired(part, config, clients[part.name] ?? [], links));
  return { links, rewire, listeners: (properties) => withListeners(properties, behind, links) };
}

function rewired(part: Part, config: StackConfig, servers: readonly Server[], links: ReadonlyMap<string, Link>): Part {
  const { env = {} } = part.command;
  const replaced = Object.entries(env).map(([name, value]) => {
    const through = servers.reduce((text, server) => {
      const [from, to] = [String(config[`${server}_PORT`]), String(links.get(linkName(part.name, server))?.port)];
      return text === from ? to : text.replaceAll(`127.0.0.1:${from}`, `127.0.0.1:${to}`);
    }, value ?? '');
    return [name, through] as const;
  });
  return { ...part, command: { ...part.command, env: Object.fromEntries(replaced) } };
}

/** The listeners of the clients are copies of the first one, including its login. */
export function withListeners(
  properties: string,
  behind: ReadonlyMap<string, number>,
  links: ReadonlyMap<string, { port: number }>,
): string {
  const lines = properties.split('\n');
  const first = /^listeners=([A-Z_0-9]+):/m.exec(properties)?.[1] ?? '';
  const names = [...behind.keys()].map((link) => ({ link, listener: link.replaceAll('-', '_').toUpperCase() }));
  const copies = lines.flatMap((line) => {
    const own = `listener.name.${first.toLowerCase()}.`;
    return line.startsWith(own) ? names.map(({ listener }) => `listener.name.${listener.toLowerCase()}.${line.slice(own.length)}`) : [];
  });
  const protocol = new RegExp(`^listener\\.security\\.protocol\\.map=.*\\b${first}:([A-Z_]+)`, 'm').exec(properties)?.[1] ?? 'PLAINTEXT';
  const more: Record<string, (name: { link: string; listener: string }) => string> = {
    listeners: ({ link, listener }) => `${listener}://127.0.0.1:${behind.get(link)}`,
    'advertised.listeners': ({ link, listener }) => `${listener}://127.0.0.1:${links.get(link)?.port}`,
    'listener.security.protocol.map': ({ listener }) => `${listener}:${protocol}`,
  };
  const longer = lines.map((line) => {
    const add = more[line.slice(0, line.indexOf('='))];
    return add === undefined ? line : [line, ...names.map(add)].join(',');
  });
  return [...longer, ...copies].join('\n');
}
