import { z } from 'zod';
import { readInstallation } from '../../ledger/index.ts';
import { defineRoute } from '../route.ts';
import type { Route } from '../route.ts';

const part = z.enum(['ok', 'away']);

export const healthRoutes: readonly Route[] = [
  defineRoute({
    method: 'get',
    path: '/health',
    id: 'readHealth',
    summary: 'Whether the server, its ledger and its Temporal answer.',
    who: 'anyone',
    answer: z.object({ status: part, version: z.string(), ledger: part, temporal: part }),
    handle: async ({ deps }) => {
      const [ledger, temporal] = await Promise.all([stands(readInstallation(deps.db)), stands(deps.checkTemporal())]);
      return {
        status: ledger === 'ok' && temporal === 'ok' ? ('ok' as const) : ('away' as const),
        version: deps.version,
        ledger,
        temporal,
      };
    },
  }),
];

async function stands(check: Promise<unknown>): Promise<'ok' | 'away'> {
  try {
    await check;
    return 'ok';
  } catch {
    return 'away';
  }
}
