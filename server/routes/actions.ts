import { z } from 'zod';
import { listManifests } from '../../ledger/index.ts';
import { defineRoute } from '../route.ts';
import type { Route } from '../route.ts';
import { manifest } from '../shapes/manifest.ts';

export const actionRoutes: readonly Route[] = [
  defineRoute({
    method: 'get',
    path: '/actions',
    id: 'listActions',
    summary: 'The actions that workers have published.',
    who: 'reader',
    answer: z.object({ items: z.array(manifest).readonly() }),
    handle: async ({ deps }) => ({ items: await listManifests(deps.db) }),
  }),
];
