import { registerActions } from '../../activities/index.ts';
import { loadPolicies } from '../../policy/index.ts';
import { bench } from './actions.ts';
import type { Figure } from './figure.ts';
import { atMost, percentile } from './figure.ts';

/** One ruling with 100 policies loaded, half of them for the action that is asked for. */
export function measurePolicy(samples: number): readonly Figure[] {
  const manifests = [...registerActions({ bench }).values()].map(({ manifest }) => manifest);
  const text = Array.from(
    { length: 100 },
    (_, n) =>
      `@id("p${n}") ${n % 10 === 0 ? 'forbid' : 'permit'} (principal == Agent::"agent-${n % 10 === 0 ? `none-${n}` : n % 7}", action == Action::"bench.${n % 2 === 0 ? 'step' : 'held'}", resource) when { context.input.text != "${n}" };`,
  ).join('\n');
  const set = loadPolicies({ sources: [{ file: 'bench.cedar', text }], manifests, groups: {} });
  const call = (n: number) =>
    ({
      agent: `agent-${n % 7}`,
      action: 'bench.step',
      input: { text: `${n}` },
      facts: null,
      run: { workflow: 'steps', requesters: ['agent:bench'], labels: {} },
    }) as const;
  for (let n = 0; n < 200; n += 1) set.rule(call(n));
  const times: number[] = [];
  for (let n = 0; n < samples; n += 1) {
    const startedAt = performance.now();
    set.rule(call(n));
    times.push(performance.now() - startedAt);
  }
  return [atMost('policy ruling with 100 policies, p99', percentile(times, 0.99), 'ms', 0.3)];
}
