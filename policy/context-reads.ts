import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { CedarType } from './cedar-type.ts';

/** Which parts of `context` some policies look at. `whole` = everything from here on. */
export interface Reads {
  readonly whole: boolean;
  readonly members: ReadonlyMap<string, Reads>;
}

/**
 * Handing a value to Cedar costs more than evaluating it (about 0.1 ms for a whole context), so a slice's context
 * has only what its policies can read. Whatever this does not recognise counts as reading the whole.
 */
export function contextReads(policies: readonly Pick<PolicyJson, 'conditions'>[]): Reads {
  const paths: (readonly string[])[] = [];
  for (const { conditions } of policies) visit(conditions, paths);
  return treeOf(paths);
}

/** The type with only those attributes that are read. */
export function prune(type: CedarType, reads: Reads): CedarType {
  if (reads.whole || type.type !== 'Record') return type;
  const kept = Object.entries(type.attributes).flatMap(([name, attribute]) => {
    const inner = reads.members.get(name);
    return inner === undefined ? [] : [[name, { ...prune(attribute, inner), required: attribute.required }] as const];
  });
  return { type: 'Record', attributes: Object.fromEntries(kept) };
}

function visit(node: unknown, paths: (readonly string[])[]): void {
  if (typeof node !== 'object' || node === null) return;
  const path = pathOf(node) ?? presenceOf(node);
  if (path !== null) paths.push(path);
  else for (const inner of Object.values(node)) visit(inner, paths);
}

/** The attributes between `context` and an expression such as `context.input.tag`, or null for any other. */
function pathOf(node: object): readonly string[] | null {
  if ('Var' in node && node.Var === 'context') return [];
  const access = '.' in node ? node['.'] : null;
  return isOperation(access) && typeof access.attr === 'string' ? append(access.left, [access.attr]) : null;
}

/** As `pathOf`, for `context.input has tag` and `context has input.tag`. */
function presenceOf(node: object): readonly string[] | null {
  const has = 'has' in node ? node.has : null;
  if (!isOperation(has)) return null;
  const names: readonly unknown[] = Array.isArray(has.attr) ? has.attr : [has.attr];
  return names.every((name) => typeof name === 'string') ? append(has.left, names) : null;
}

function append(left: object, names: readonly string[]): readonly string[] | null {
  const path = pathOf(left);
  return path === null ? null : [...path, ...names];
}

function isOperation(value: unknown): value is { readonly left: object; readonly attr: unknown } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'attr' in value &&
    'left' in value &&
    typeof value.left === 'object' &&
    value.left !== null
  );
}

function treeOf(paths: readonly (readonly string[])[]): Reads {
  const members = new Map<string, Reads>();
  for (const name of new Set(paths.flatMap(([first]) => first ?? []))) {
    members.set(name, treeOf(paths.filter(([first]) => first === name).map((path) => path.slice(1))));
  }
  return { whole: paths.some((path) => path.length === 0), members };
}
