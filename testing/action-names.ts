import type { z } from 'zod';
import type { Action, ActionDefinition } from '../activities/index.ts';

interface Declared {
  readonly kind: 'holdpoint.action';
}

/** The names of a tree's actions, as the gate knows them: `'git.push' | 'git.log'`. */
export type ActionNames<Tree> = string extends keyof Tree
  ? string
  : {
      [Name in keyof Tree & string]: Tree[Name] extends Declared
        ? Name
        : Tree[Name] extends (...args: never[]) => unknown
          ? never
          : Tree[Name] extends object
            ? `${Name}.${ActionNames<Tree[Name]>}`
            : never;
    }[keyof Tree & string];

export type ActionAt<Tree, Name extends string> = Name extends keyof Tree
  ? Tree[Name]
  : Name extends `${infer Head}.${infer Rest}`
    ? Head extends keyof Tree
      ? ActionAt<Tree[Head], Rest>
      : never
    : never;

/** What a workflow passes to the action of this name. */
export type InputOf<Tree, Name extends string> =
  ActionAt<Tree, Name> extends { readonly kind: 'holdpoint.action'; readonly input: infer Input extends z.ZodType }
    ? z.input<Input>
    : unknown;

/** What stands in for an action's own `run` or `resolve` in a test; schemas and annotations stay. */
type FakeOf<Declaration> =
  Declaration extends Action<infer Input, infer Output, infer Facts>
    ? Partial<Pick<ActionDefinition<Input, Output, Facts>, 'run' | 'resolve'>>
    : never;

/** By action: `{ 'mail.send': { run: async () => ({ status: 202 }) } }`. */
export type Fakes<Tree> = { readonly [Name in ActionNames<Tree>]?: FakeOf<ActionAt<Tree, Name>> };

/** An effect by its action and input, or by its action alone. */
export type ExpectedEffect<Tree> = {
  [Name in ActionNames<Tree>]: Name | readonly [action: Name, input: InputOf<Tree, Name>];
}[ActionNames<Tree>];
