import { policyToJson } from '@cedar-policy/cedar-wasm/nodejs';
import { expect, test } from 'vitest';
import type { CedarType } from './cedar-type.ts';
import { contextReads, prune } from './context-reads.ts';

const TEXT = { type: 'String', required: true } as const;
const CONTEXT: CedarType = {
  type: 'Record',
  attributes: {
    input: { type: 'Record', required: true, attributes: { tag: TEXT, 'a b': TEXT } },
    facts: { type: 'Record', required: false, attributes: { url: TEXT, ref: { ...TEXT, required: false } } },
  },
};

/** What is left of the context, as paths. */
function kept(condition: string): readonly string[] {
  const answer = policyToJson(`permit (principal, action, resource) when { ${condition} };`);
  if (answer.type === 'failure') throw new Error(JSON.stringify(answer.errors));
  const paths = (type: CedarType, at: string): readonly string[] =>
    type.type === 'Record' ? Object.entries(type.attributes).flatMap(([name, inner]) => paths(inner, `${at}/${name}`)) : [at];
  return paths(prune(CONTEXT, contextReads([answer.json])), '');
}

const ALL = ['/input/tag', '/input/a b', '/facts/url', '/facts/ref'];

test.each<[string, readonly string[]]>([
  ['true', []],
  ['context.input.tag == "x"', ['/input/tag']],
  ['context.input["a b"] like "x*" || context["facts"].url == "y"', ['/input/a b', '/facts/url']],
  ['context.facts has ref', ['/facts/ref']],
  ['context has facts.ref', ['/facts/ref']],
  ['context has facts', ['/facts/url', '/facts/ref']],
  ['context.input == {tag: "x", "a b": "y"}', ['/input/tag', '/input/a b']],
  ['context.input.tag == "x" && context.input == context.input', ['/input/tag', '/input/a b']],
  ['(if context.input.tag == "x" then context.facts else context.facts).url == "y"', ['/input/tag', '/facts/url', '/facts/ref']],
  ['{"Var": context.input.tag, ".": 1}["Var"] == "x"', ['/input/tag']],
  ['[context.input].contains({tag: "x", "a b": "y"})', ['/input/tag', '/input/a b']],
  ['context == context', ALL],
  ['{c: context}.c.input.tag == "x"', ALL],
  ['[context].isEmpty()', ALL],
  ['"context.input.tag" == "x"', []],
])('%s reads %j', (condition, paths) => {
  expect(kept(condition)).toEqual(paths);
});
