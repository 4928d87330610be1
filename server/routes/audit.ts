import { z } from 'zod';
import { listAudit, verifyAudit } from '../../ledger/index.ts';
import type { ServerDeps } from '../deps.ts';
import { defineRoute } from '../route.ts';
import type { Route } from '../route.ts';
import { DEFAULT_PAGE, pageOf, pageQuery } from '../shapes/page.ts';
import { instant, natural, runId } from '../shapes/primitives.ts';
import { knownRun } from './runs.ts';

const row = z
  .object({
    seq: natural,
    at: instant,
    text: z.string().describe('What the hash covers, beside the previous hash, seq and at.'),
    hash: z.string(),
  })
  .meta({ id: 'AuditRow' });
const verified = z.object({
  chain: z.string(),
  rows: natural,
  brokenAt: natural.nullable().describe('The first row that does not follow from the one before; null = the chain holds.'),
});
const after = {
  ...pageQuery,
  cursor: z
    .string()
    .regex(/^\d{1,15}$/, 'must be the sequence number of a row')
    .optional(),
};
const byId = z.strictObject({ id: runId });
const INSTALLATION = 'installation';

export const auditRoutes: readonly Route[] = [
  defineRoute({
    method: 'get',
    path: '/runs/{id}/audit',
    id: 'readRunAudit',
    summary: "A run's audit chain, oldest first.",
    who: 'reader',
    params: byId,
    query: z.strictObject(after),
    answer: pageOf(row),
    handle: async ({ deps, params, query }) => read(deps, (await knownRun(deps, params.id)).id, query),
  }),
  defineRoute({
    method: 'get',
    path: '/runs/{id}/audit/verify',
    id: 'verifyRunAudit',
    summary: "Whether a run's audit chain holds.",
    who: 'reader',
    params: byId,
    answer: verified,
    handle: async ({ deps, params }) => verify(deps, (await knownRun(deps, params.id)).id),
  }),
  defineRoute({
    method: 'get',
    path: '/audit',
    id: 'readAudit',
    summary: "The installation's audit chain, oldest first.",
    who: 'reader',
    query: z.strictObject(after),
    answer: pageOf(row),
    handle: async ({ deps, query }) => read(deps, INSTALLATION, query),
  }),
  defineRoute({
    method: 'get',
    path: '/audit/verify',
    id: 'verifyAudit',
    summary: "Whether the installation's audit chain holds.",
    who: 'reader',
    answer: verified,
    handle: async ({ deps }) => verify(deps, INSTALLATION),
  }),
];

async function read(
  deps: ServerDeps,
  chain: string,
  { limit = DEFAULT_PAGE, cursor }: { readonly limit?: number | undefined; readonly cursor?: string | undefined },
) {
  const rows = await listAudit(deps.db, chain, { after: Number(cursor ?? 0), limit });
  const items = rows.map(({ seq, at, text, hash }) => ({ seq, at, text, hash }));
  const last = items.at(-1);
  return { items, next: last !== undefined && items.length === limit ? String(last.seq) : null };
}

async function verify(deps: ServerDeps, chain: string) {
  const { rows, brokenAt } = await verifyAudit(deps.db, chain);
  return { chain, rows, brokenAt };
}
