import type { ActionManifest, Instant, TokenView } from '../../core/index.ts';
import { renderTable } from './table.ts';
import { renderWhen } from './when.ts';

export function renderActions(actions: readonly ActionManifest[]): string {
  if (actions.length === 0) return 'No worker has published an action yet.';
  return renderTable(actions, [
    { title: 'ACTION', value: (one) => one.action },
    { title: 'WHAT IT DOES', value: (one) => one.summary },
    { title: 'TRAITS', value: traits },
    { title: 'EDITABLE', value: (one) => one.editable.join(', ') },
  ]);
}

function traits({ annotations }: ActionManifest): string {
  const named: readonly (readonly [boolean, string])[] = [
    [annotations.readOnly, 'reads only'],
    [annotations.destructive, 'destructive'],
    [annotations.idempotent, 'idempotent'],
    [annotations.openWorld, 'open world'],
  ];
  return named.flatMap(([given, word]) => (given ? [word] : [])).join(', ');
}

export function renderTokens(tokens: readonly TokenView[], now: Instant): string {
  if (tokens.length === 0) return 'No tokens.';
  return renderTable(tokens, [
    { title: 'ID', value: (one) => one.id },
    { title: 'OF', value: (one) => one.principal },
    { title: 'NAME', value: (one) => one.name },
    { title: 'MADE', value: (one) => renderWhen(one.createdAt, now) },
    { title: 'REVOKED', value: (one) => (one.revokedAt === null ? '' : renderWhen(one.revokedAt, now)) },
  ]);
}
