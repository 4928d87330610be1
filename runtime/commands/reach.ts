import { connect } from 'node:net';
import { Refusal } from '../../core/index.ts';
import { openPostgres, readInstallation } from '../../ledger/index.ts';
import { refusing } from '../installation/open-ledger.ts';

/** Whether a Postgres ledger answers and has our tables; it is only read. Throws `Refusal`. */
export async function reachLedger(url: string): Promise<void> {
  const db = await refusing(openPostgres({ url, poolSize: 1 }));
  try {
    await refusing(readInstallation(db));
  } finally {
    await db.close();
  }
}

const WITHIN_MILLIS = 2_000;

/** Whether something accepts connections at `HOST:PORT`. Throws `Refusal` `temporal_unavailable`. */
export async function reachTemporal(address: string): Promise<void> {
  const at = address.lastIndexOf(':');
  const host = address.slice(0, at).replace(/^\[|\]$/g, '');
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ host, port: Number(address.slice(at + 1)) });
    const fail = (cause: unknown): void => {
      socket.destroy();
      reject(
        new Refusal('unreachable', 'temporal_unavailable', `Nothing answers at ${address}.`, {
          hint: 'Check that Temporal runs and that its address is right.',
          cause,
        }),
      );
    };
    socket.setTimeout(WITHIN_MILLIS, () => fail(undefined));
    socket.once('error', fail);
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
  });
}
