import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureTemporalServer } from '../runtime/temporal-server/index.ts';
import { startPostgres } from './real-postgres.ts';

/** One Temporal server and one Postgres for all integration tests; a developer's own servers are left alone. */
export async function setup(): Promise<() => Promise<void>> {
  const home = await mkdtemp(join(tmpdir(), 'holdpoint-test-'));
  const { TEMPORAL_ADDRESS: _, ...env } = process.env;
  const [temporal, postgres] = await Promise.allSettled([
    ensureTemporalServer({ home, env, log: (line) => console.error(line) }),
    startPostgres(),
  ]);
  const stop = async () => {
    await Promise.all([temporal, postgres].map(async (started) => started.status === 'fulfilled' && started.value.stop()));
    await rm(home, { recursive: true, force: true });
  };
  if (temporal.status === 'rejected' || postgres.status === 'rejected') {
    await stop();
    throw temporal.status === 'rejected' ? temporal.reason : (postgres as PromiseRejectedResult).reason;
  }
  process.env['HOLDPOINT_TEST_TEMPORAL'] = temporal.value.address;
  process.env['HOLDPOINT_TEST_POSTGRES'] = postgres.value.url;
  return stop;
}
