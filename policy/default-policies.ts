import type { PolicySource } from './policy-source.ts';

/** In force in every set, beside the policies of the folder; a `forbid` in the folder takes from it. */
export const DEFAULT_POLICIES: PolicySource = {
  file: 'built-in defaults',
  text: `// Every agent may use every action that declares itself read-only and not open-world: it changes nothing and
// reaches nothing beyond what the owner controls. Whatever else an agent may do needs a permit of its own.
@id("holdpoint.reads")
permit (principal, action, resource) when { context.action.readOnly && !context.action.openWorld };
`,
};
