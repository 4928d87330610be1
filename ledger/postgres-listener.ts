import pg from 'pg';
import { ledgerFailure } from './ledger-failure.ts';

/** Milliseconds between attempts to connect again. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 5_000;

/**
 * Listens on a connection of its own. After a lost connection is back, `heard('')` is called, since
 * something may have been said in between.
 */
export async function listenOnPostgres(
  settings: pg.ClientConfig,
  channel: string,
  heard: (payload: string) => void,
): Promise<() => Promise<void>> {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let client = await connect();

  async function connect(): Promise<pg.Client> {
    const fresh = new pg.Client(settings);
    fresh.on('error', () => undefined);
    fresh.on('notification', (message) => {
      if (message.channel === channel) heard(message.payload ?? '');
    });
    try {
      await fresh.connect();
      await fresh.query(`LISTEN ${fresh.escapeIdentifier(channel)}`);
    } catch (error) {
      await fresh.end().catch(() => undefined);
      throw ledgerFailure(error);
    }
    fresh.once('end', () => reconnectAfter(FIRST_PAUSE));
    return fresh;
  }

  function reconnectAfter(pause: number): void {
    if (stopped) return;
    timer = setTimeout(() => void reconnect(pause), pause);
  }

  async function reconnect(pause: number): Promise<void> {
    try {
      client = await connect();
      if (stopped) await client.end();
      else heard('');
    } catch {
      reconnectAfter(Math.min(pause * 2, LONGEST_PAUSE));
    }
  }

  return async () => {
    stopped = true;
    clearTimeout(timer);
    await client.end().catch(() => undefined);
  };
}
