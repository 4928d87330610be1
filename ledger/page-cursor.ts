import { Refusal } from '../core/index.ts';

/** Where a page ends in a list that is newest first: the last item's instant and id, opaque to callers. */
export interface Cursor {
  readonly at: number;
  readonly id: string;
}

function cursorText(cursor: Cursor): string {
  return Buffer.from(`${cursor.at} ${cursor.id}`, 'utf8').toString('base64url');
}

/** Throws `Refusal` `cursor_invalid`. */
export function parseCursor(text: string | null | undefined): Cursor | null {
  if (text === null || text === undefined) return null;
  const match = /^(\d{1,15}) (\S+)$/.exec(Buffer.from(text, 'base64url').toString('utf8'));
  const [, at, id] = match ?? [];
  if (at === undefined || id === undefined) {
    throw new Refusal(
      'invalid',
      'cursor_invalid',
      `"cursor" must be the "next" of an earlier page; got ${JSON.stringify(text.slice(0, 100))}.`,
      {
        hint: 'Leave it out to begin with the newest.',
      },
    );
  }
  return { at: Number(at), id };
}

/** A page of at most `limit` from `limit + 1` rows. */
export function pageOf<Item>(
  items: readonly Item[],
  limit: number,
  cursorOf: (item: Item) => Cursor,
): { items: readonly Item[]; next: string | null } {
  const shown = items.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown, next: items.length > limit && last !== undefined ? cursorText(cursorOf(last)) : null };
}
