/**
 * The one error of the boundary to people: a stable `code`, a message that names the option or field,
 * the rule and the received value (never a secret), and what to do next in `hint`. `kind` decides the
 * exit code of the command line and the HTTP status.
 */
export type RefusalKind = 'invalid' | 'not_found' | 'refused' | 'conflict' | 'unreachable' | 'failed';

export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly kind: RefusalKind;
  readonly code: string;
  readonly hint: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(
    kind: RefusalKind,
    code: string,
    message: string,
    rest: { hint?: string; data?: Readonly<Record<string, unknown>>; cause?: unknown } = {},
  ) {
    super(message, rest.cause === undefined ? {} : { cause: rest.cause });
    this.kind = kind;
    this.code = code;
    this.hint = rest.hint;
    this.data = rest.data ?? {};
  }
}
