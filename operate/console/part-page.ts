import type { Pool } from 'pg';
import { EVENT_TOPIC } from '../../contract/names.ts';
import { readShards } from '../../checks/state.ts';
import { ONLY_SHARD } from '../../contract/shards.ts';
import { ConnectApi } from '../../kit/connect-api.ts';
import { topicConfigs } from '../../kit/kafka-admin.ts';
import { withAdmin } from '../kafka.ts';
import type { Config } from './config.ts';
import { html, nothing, shown, type Html } from './html.ts';
import { lastLines, startSettings } from './logs.ts';
import type { PartId } from './parts.ts';

/** The log of each part, by its name in the stack. */
const logs: Record<PartId, string> = {
  ...{ ingest: 'ingest', outbox: 'postgres', slot: 'postgres', connect: 'connect' },
  ...{ topic: 'kafka', groups: 'consumer', actions: 'actions', cleanup: 'cleanup' },
};

const POSTGRES_SETTINGS = [
  'wal_level',
  'max_slot_wal_keep_size',
  'fsync',
  'synchronous_commit',
  'full_page_writes',
  'max_connections',
  'server_version',
];
const SECRET_NAME = /password|secret|token|credential|private/i;

type Settings = [name: string, value: string][];

/** The active settings, read from their source. They have no secrets. */
async function settingsOf(part: PartId, config: Config, pool: Pool): Promise<Settings> {
  if (part === 'outbox' || part === 'slot') {
    const { rows } = await pool.query<{ name: string; value: string }>(
      'SELECT name, current_setting(name) AS value FROM pg_settings WHERE name = ANY ($1) ORDER BY name',
      [POSTGRES_SETTINGS],
    );
    return rows.map(({ name, value }) => [name, value]);
  }
  if (part === 'connect') {
    const [shard = ONLY_SHARD] = await readShards(pool);
    return Object.entries((await new ConnectApi(config, 2000).config(shard.connector)) ?? {});
  }
  if (part === 'topic') return [...(await withAdmin(config, (admin) => topicConfigs(admin, EVENT_TOPIC)))];
  return startSettings(config.CONSOLE_LOG_DIR, logs[part]);
}

/** Settings and the last log lines of one part. */
export async function partDetails(part: PartId, config: Config, pool: Pool): Promise<Html> {
  let settings: Settings = [];
  let silent: string | undefined;
  try {
    settings = await settingsOf(part, config, pool);
  } catch (error) {
    silent = error instanceof Error ? error.message : String(error);
  }
  const rows = settings
    .filter(([name]) => !SECRET_NAME.test(name))
    .map(
      ([name, value]) =>
        html`<tr>
          <th scope="row"><code>${name}</code></th>
          <td><bdi>${shown(value)}</bdi></td>
        </tr>`,
    );
  const table =
    rows.length > 0
      ? html`<div class="wide-table settings" tabindex="0" role="region" aria-label="Settings">
          <table>
            <tbody>
              ${rows}
            </tbody>
          </table>
        </div>`
      : html`<p class="empty">${silent ?? 'They stand in the first line of its log; this page does not see that.'}</p>`;
  const lines = lastLines(config.CONSOLE_LOG_DIR, logs[part]);
  const log =
    lines === undefined
      ? html`<p class="empty">This page has no access to the logs. See them with <code>make logs PART=${logs[part]}</code>.</p>`
      : html`<pre class="log" tabindex="0" aria-label="Log of ${logs[part]}">${lines.map((line) => html`${shown(line)} `)}</pre>`;
  return html`<section class="panel">
      <h2>Settings</h2>
      ${table}${nothing}
    </section>
    <section class="panel">
      <h2>Last log lines</h2>
      ${log}
    </section>`;
}
