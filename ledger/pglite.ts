import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import type { Database } from './database.ts';
import { ledgerFailure } from './ledger-failure.ts';
import { PgliteStream } from './pglite-stream.ts';
import { poolDatabase, typeParser } from './pool-database.ts';

/** `folder` = where the data lie, made when missing; one process at a time may open it. `memory` forgets at close. */
export type PgliteOptions = { readonly folder: string } | { readonly memory: true };

/** Opens Postgres in this process: one session, a superuser, so no roles and no waiting for locks. */
export async function openPglite(options: PgliteOptions): Promise<Database> {
  const pglite = await PGlite.create({ dataDir: 'folder' in options ? options.folder : 'memory://' }).catch((error: unknown) => {
    throw ledgerFailure(error);
  });
  const heard = new Set<(notification: pg.Notification) => void>();
  const pool = new pg.Pool({
    stream: () => new PgliteStream(pglite),
    user: 'postgres',
    ssl: false,
    pipeline: true,
    types: { getTypeParser: typeParser },
    max: 1,
    // The one session is handed on for as long as the ledger is open, however long somebody waits for it.
    idleTimeoutMillis: 0,
    // oxlint-disable-next-line typescript/no-misused-promises -- the pool waits for what `onConnect` returns, whatever its type says
    onConnect: async (client) => {
      client.on('error', () => undefined);
      client.on('notification', (notification) => heard.forEach((hear) => hear(notification)));
      // Planning anew costs more here than anywhere: all that is asked for is found by key, or is small.
      await client.query('SET plan_cache_mode = force_generic_plan');
    },
  });
  return poolDatabase('pglite', pool, {
    async listen(channel, hear) {
      const onNotification = (notification: pg.Notification): void => {
        if (notification.channel === channel) hear(notification.payload ?? '');
      };
      await pool.query(`LISTEN ${pg.escapeIdentifier(channel)}`).catch((error: unknown) => {
        throw ledgerFailure(error);
      });
      heard.add(onNotification);
      return () => {
        heard.delete(onNotification);
        return Promise.resolve();
      };
    },
    async close() {
      if (!pglite.closed) await pglite.close();
    },
  });
}
