import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHOICES, HOLD_KINDS } from './hold.ts';
import type { Micros } from './names.ts';
import type { PolicyRuling } from './policy-ruling.ts';
import type { RunLimits } from './run.ts';
import { RunStory } from './run-story.fixture.ts';
import type { Step } from './story-step.fixture.ts';
import { ALLOWED, DENIED, HOUR, LEASE, requires, sampleRun } from './sample.fixture.ts';

const TIGHT = { steps: 2, spend: 60 as Micros, time: 3 * HOUR, identical: 2, failures: 4 };
const RUNS = 250;
const ANSWERS = [
  ...[
    'allow',
    'recorded',
    'edited',
    'later',
    'fenced',
    'deny policy_forbids',
    'deny approval_denied',
    'deny approval_expired',
    'deny outcome_rejected',
  ],
  // Only runs that were started elsewhere are asked about; see admission.test.ts.
  ...HOLD_KINDS.filter((kind) => kind !== 'admission').map((kind) => `hold ${kind}`),
  ...CHOICES.filter((choice) => choice !== 'admit' && choice !== 'refuse').map((choice) => `decide ${choice}`),
];
const OUTCOMES = ['succeeded', 'failed', 'not-started', 'unknown'] as const;

const key = fc.constantFrom('/1', '/1', '/1', '/1', '/2', '/2', '/2/1', '/3');
const action = fc.constantFrom('git.push', 'mail.send', 'mail.send');
const which = fc.nat({ max: 3 });
const raise = fc.record(
  { steps: fc.constant(2), spend: fc.constant(40), identical: fc.constant(2), failures: fc.constant(2) },
  { requiredKeys: ['steps'] },
);
const ruling = fc.constantFrom(
  ALLOWED,
  ALLOWED,
  DENIED,
  requires(),
  requires(),
  requires({}, { policy: 'secure', approvers: 'security' }),
  requires({ quorum: 2 }),
  requires({ valid: 2 * HOUR }),
);

const ask = fc.record({
  do: fc.constant('ask' as const),
  key,
  action,
  args: fc.constantFrom('v1', 'v1', 'v1', 'v2'),
  worst: fc.constantFrom(0, 0, 7, 30),
  replyLost: fc.boolean(),
});
const settle = fc.record({ do: fc.constant('settle' as const), which, as: fc.constantFrom(...OUTCOMES), spend: fc.constantFrom(0, 5, 40) });
const decide = fc.record({
  do: fc.constant('decide' as const),
  which,
  person: fc.constantFrom(
    'person:ada',
    'person:ada',
    'person:ada',
    'person:bob',
    'person:bob',
    'person:cy',
    'person:cy',
    'person:req',
    'person:mallory',
  ),
  choice: fc.constantFrom(0, 0, 1, 1, 2, 2, 'approve' as const, 'deny' as const, 'succeeded' as const),
  edit: fc.constantFrom(false, false, true),
  stale: fc.constantFrom(false, false, false, false, false, true),
  raise,
});
const rare = fc.oneof(
  fc.record({ do: fc.constant('lose' as const), which }),
  fc.record({ do: fc.constant('settle-late' as const), which, as: fc.constantFrom(...OUTCOMES) }),
  fc.record({ do: fc.constant('policy' as const), action, ruling }),
  fc.record({
    do: fc.constant('facts' as const),
    of: fc.constantFrom('sent' as const, 'edited' as const),
    facts: fc.constantFrom('f1', 'f2'),
  }),
  // Clocks of servers step back as well.
  fc.record({ do: fc.constant('advance' as const), by: fc.constantFrom(-5_000, 1, 1_000, LEASE, LEASE, HOUR + 1, HOUR + 1, 4 * HOUR + 1) }),
  fc.record({ do: fc.constant('withdraw' as const), key }),
  fc.record({ do: fc.constant('raise' as const), raise }),
  fc.constant({ do: 'sweep' } as const),
);
const end = fc.oneof(
  fc.constant({ do: 'kill' } as const),
  fc.record({ do: fc.constant('close' as const), as: fc.constantFrom('succeeded' as const, 'failed' as const, 'killed' as const) }),
  fc.record({
    do: fc.constant('decide' as const),
    which,
    person: fc.constant('person:cy'),
    choice: fc.constant('kill' as const),
    edit: fc.constant(false),
    stale: fc.constant(false),
    raise,
  }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: ask, weight: 40 },
  { arbitrary: settle, weight: 14 },
  { arbitrary: decide, weight: 26 },
  { arbitrary: rare, weight: 30 },
  { arbitrary: end, weight: 1 },
);

const story = fc.record({
  push: ruling,
  send: ruling,
  steps: fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }),
});
const WIDE = { steps: 1_000, spend: 100_000 as Micros, time: 10_000 * HOUR, identical: 1_000, failures: 1_000 };

function play(
  { push, send, steps }: { readonly push: PolicyRuling; readonly send: PolicyRuling; readonly steps: readonly Step[] },
  limits: RunLimits,
): RunStory {
  const played = new RunStory(sampleRun(limits));
  played.play({ do: 'policy', action: 'git.push', ruling: push });
  played.play({ do: 'policy', action: 'mail.send', ruling: send });
  for (const one of steps) played.play(one);
  return played;
}

describe('a run, whatever agent, people, workers, clocks and policies do', () => {
  it('keeps every promise after every step', () => {
    fc.assert(
      fc.property(story, (told) => void play(told, TIGHT)),
      { numRuns: RUNS },
    );
  });

  it('keeps them under limits that it never meets', () => {
    fc.assert(
      fc.property(story, (told) => void play(told, WIDE)),
      { numRuns: RUNS },
    );
  });

  it('is told in stories that come to every verdict, every kind of hold and every choice', () => {
    const seen = new Map<string, number>();
    for (const told of fc.sample(story, { numRuns: 150, seed: 7 })) {
      for (const one of [...play(told, TIGHT).seen, ...play(told, WIDE).seen]) seen.set(one, (seen.get(one) ?? 0) + 1);
    }
    for (const answer of ANSWERS) expect(seen.get(answer) ?? 0, answer).toBeGreaterThan(1);
  });
});
