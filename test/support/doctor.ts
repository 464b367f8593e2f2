import { expect } from 'vitest';
import { CONNECTOR_NAME } from '../../contract/names.ts';
import { settings, type Config } from '../../operate/config.ts';
import { diagnose } from '../../operate/diagnose.ts';
import { databaseUrl } from '../../stack/config.ts';
import { connectEnv, registryEnv } from '../../stack/http-logins.ts';
import { kafkaEnv } from '../../stack/kafka-logins.ts';
import { connect } from './connector.ts';
import { config, query } from './stack.ts';
import { waitFor } from './wait-for.ts';

/** The settings of a doctor for the test's stack. */
export const doctor: Config = settings.parse({
  DATABASE_URL: databaseUrl(config, 'operator'),
  ...connectEnv(config),
  ...kafkaEnv(config, 'operator'),
  ...registryEnv(config, 'reader'),
  ACK_GROUPS: 'consumers-example',
});

/** One broker holds one copy: what an embedded stack always is. */
export const always = 'weak REPLICATION';

/** `broken SLOT_MISSING` of each finding, the gravest first. */
export const codes = async (settings: Config = doctor) => (await diagnose(settings)).map(({ code, grade }) => `${grade} ${code}`);

export const untilFound = (finding: string, withinMs = 30_000, settings = doctor) =>
  waitFor(`${finding} is found`, async () => (await codes(settings)).includes(finding), withinMs);

/** Expects the finding after the fault, and no finding after the repair. */
export async function expectFound(
  finding: string,
  breakIt: () => Promise<unknown>,
  mendIt: () => Promise<unknown>,
  settings = doctor,
): Promise<void> {
  try {
    await breakIt();
    await untilFound(finding, 30_000, settings);
    const found = (await diagnose(settings)).find(({ code }) => finding.endsWith(` ${code}`));
    expect(found?.found.startsWith('could not be checked')).toBe(false);
    for (const text of [found?.found, found?.why, found?.remedy]) expect(text?.length).toBeGreaterThan(10);
  } finally {
    await mendIt();
  }
  await waitFor(`${finding} is gone`, async () => !(await codes(settings)).includes(finding), 60_000);
}

export const asAdmin = (sql: string) => query(sql, [], 'postgres');

/** Undefined: as the stack has it. */
export async function postgresSetting(name: string, value: string | undefined): Promise<void> {
  await asAdmin(value === undefined ? `ALTER SYSTEM RESET ${name}` : `ALTER SYSTEM SET ${name} = '${value}'`);
  await asAdmin('SELECT pg_reload_conf()');
}

/** The active configuration of the connector. @throws when it is not registered */
export async function connectorConfig(): Promise<Readonly<Record<string, string>>> {
  const found = await connect.config(CONNECTOR_NAME);
  if (found === undefined) throw new Error('the connector is not registered');
  return found;
}
