import type { ActionName, Json, Millis } from './names.ts';

/** The four annotations of the Model Context Protocol; each is stated, none has a default. */
export interface ActionAnnotations {
  readonly readOnly: boolean;
  readonly destructive: boolean;
  /** A second run with the same idempotency key changes nothing more. */
  readonly idempotent: boolean;
  /** Reaches beyond what the owner controls: the network, other people's systems. */
  readonly openWorld: boolean;
}

/**
 * What the rest of the system knows of an action, as data: workers publish it, so that policies,
 * cards, the API and the command line need no developer's code.
 */
export interface ActionManifest {
  readonly action: ActionName;
  readonly summary: string;
  readonly annotations: ActionAnnotations;
  /** JSON Schema (2020-12) of the input as the caller sends it. */
  readonly input: Json;
  /** JSON Schema of the output. */
  readonly output: Json;
  /** JSON Schema of the resolved facts; null where the action resolves none. */
  readonly facts: Json | null;
  /** Dotted paths of input fields that hold `secret:NAME` references; `*` stands for every array item. */
  readonly secrets: readonly string[];
  /** Top-level input fields that an approver may change. */
  readonly editable: readonly string[];
  /** How long `run` may take, in milliseconds. */
  readonly timeout: Millis;
}
