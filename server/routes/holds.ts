import { z } from 'zod';
import { HOLD_KINDS, Refusal } from '../../core/index.ts';
import type { HoldId, Raise } from '../../core/index.ts';
import { findHold, listHolds } from '../../ledger/index.ts';
import type { HoldRecord } from '../../ledger/index.ts';
import type { ServerDeps } from '../deps.ts';
import { defineRoute } from '../route.ts';
import type { Route } from '../route.ts';
import { HOLD_STATES, decideBody, hold } from '../shapes/hold.ts';
import { DEFAULT_PAGE, pageOf, pageQuery } from '../shapes/page.ts';
import { holdId, runId } from '../shapes/primitives.ts';
import { holdViewOf } from '../views.ts';

const STATES = [...HOLD_STATES, 'all'] as const;
const byId = z.strictObject({ id: holdId });

export const holdRoutes: readonly Route[] = [
  defineRoute({
    method: 'get',
    path: '/holds',
    id: 'listHolds',
    summary: 'Holds, newest first; the open ones unless a state is named.',
    who: 'reader',
    query: z.strictObject({
      ...pageQuery,
      run: runId.optional(),
      kind: z.enum(HOLD_KINDS, `must be one of ${HOLD_KINDS.join(', ')}`).optional(),
      state: z.enum(STATES, `must be one of ${STATES.join(', ')}`).optional(),
    }),
    answer: pageOf(hold),
    handle: async ({ deps, query: { limit, cursor, state = 'open', run, kind } }) => {
      const wanted = { run, kind, state: state === 'all' ? undefined : state };
      const page = await listHolds(deps.db, { ...wanted, limit: limit ?? DEFAULT_PAGE, cursor: cursor ?? null });
      return { items: page.items.map(holdViewOf), next: page.next };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/holds/{id}',
    id: 'showHold',
    summary: 'One hold: what would happen, why it waits, who may decide.',
    who: 'reader',
    params: byId,
    answer: hold,
    handle: async ({ deps, params }) => holdViewOf(await knownHold(deps, params.id)),
  }),
  defineRoute({
    method: 'post',
    path: '/holds/{id}/decide',
    id: 'decideHold',
    summary: 'Decide a hold, as a person. The first decision wins.',
    who: 'reader',
    params: byId,
    body: decideBody,
    answer: hold,
    handle: async ({ deps, caller, params, body }) => {
      await deps.decide(
        { principal: caller.principal, kind: caller.kind },
        {
          hold: params.id,
          choice: body.choice,
          seenVersion: body.version,
          note: body.note ?? null,
          raise: (body.raise as Raise | undefined) ?? null,
          edit: body.edit ?? null,
          result: body.result,
        },
      );
      return holdViewOf(await knownHold(deps, params.id));
    },
  }),
];

/** Throws `Refusal` `hold_unknown`. */
async function knownHold(deps: ServerDeps, id: HoldId): Promise<HoldRecord> {
  const record = await findHold(deps.db, id);
  if (record !== null) return record;
  throw new Refusal('not_found', 'hold_unknown', `There is no hold ${JSON.stringify(id.slice(0, 100))}.`, {
    hint: 'See: holdpoint hold list',
  });
}
