/** What a client heard of one operation. `lost` = a write whose answer never came: it may have happened, then or later, or not. */
export type Heard<Value> =
  | { readonly kind: 'wrote' | 'lost'; readonly value: Value }
  | { readonly kind: 'refused' }
  | { readonly kind: 'read'; readonly value: Value | null };

/** One operation of a client. `from` = it began; `to` = its answer was heard; all of these numbers in a history differ. */
export type Operation<Value> = Heard<Value> & { readonly from: number; readonly to: number };

type Write<Value> = Extract<Operation<Value>, { readonly kind: 'wrote' | 'lost' }>;

/**
 * Whether a history of concurrent operations is linearisable as a register that is written once: whether there is one
 * order of them all, in which each stands between its `from` and its `to`, where one write is accepted, reads before it
 * find nothing, reads after it its value, and writes after it are refused. Null = it is; otherwise what contradicts it.
 *
 * Operations on the same side of the accepted write do not disturb each other. So it needs no search: there must be
 * an instant within the accepted write before which all that found the register empty can stand, and after which the rest.
 */
export function contradiction<Value>(history: readonly Operation<Value>[]): string | null {
  const writes = history.filter((operation): operation is Write<Value> => operation.kind === 'wrote' || operation.kind === 'lost');
  const accepted = writes.filter(({ kind }) => kind === 'wrote');
  if (accepted.length > 1) return `${accepted.length} writes were accepted`;
  const candidates: readonly (Write<Value> | null)[] = accepted.length === 1 ? accepted : [null, ...writes];
  const found = candidates.map((write) => (write === null ? withoutWrite(history) : withWrite(history, write)));
  return found.includes(null) ? null : (found.at(-1) ?? null);
}

function withoutWrite<Value>(history: readonly Operation<Value>[]): string | null {
  const after = history.find((operation) => operation.kind === 'refused' || (operation.kind === 'read' && operation.value !== null));
  return after === undefined ? null : `nothing was written, and ${said(after)}`;
}

function withWrite<Value>(history: readonly Operation<Value>[], write: Write<Value>): string | null {
  let [earliest, latest] = [write.from, write.kind === 'lost' ? Number.POSITIVE_INFINITY : write.to];
  for (const operation of history) {
    if (operation.kind === 'read' && operation.value === null) earliest = Math.max(earliest, operation.from);
    else if (operation.kind === 'read' && operation.value !== write.value) return `${said(operation)}, and ${said(write)}`;
    else if (operation.kind === 'read' || operation.kind === 'refused') latest = Math.min(latest, operation.to);
  }
  return earliest < latest ? null : `${said(write)}, which was seen by ${latest} and was not there at ${earliest}`;
}

function said<Value>(operation: Operation<Value>): string {
  const what = operation.kind === 'refused' ? '' : ` ${String(operation.value)}`;
  return `${operation.kind}${what} from ${operation.from} to ${operation.to}`;
}
