import type { Judgement } from './decide.ts';
import { closing } from './closing.ts';
import type { Hold } from './hold.ts';
import type { Denial, DenialCode } from './policy-ruling.ts';
import type { Facts } from './verdict.ts';

/**
 * Whether the agent of a run that was started elsewhere may act at all. The first run of an agent asks; the answer is
 * kept for the agent, so that its other runs need not.
 */
export function judgeAdmission(facts: Facts): Judgement {
  const { run, agent } = facts;
  if (run.admission === null) return { kind: 'pass', grant: null, closes: [] };
  const asked = facts.holds.find((hold) => hold.kind === 'admission' && hold.state.kind === 'open');
  const over = asked === undefined || agent === null ? [] : closing(asked, facts.now, `the agent was ${agent}`);
  if (agent === 'admitted') return { kind: 'pass', grant: null, closes: over };
  if (agent === 'refused')
    return { kind: 'deny', denial: denial('agent_refused', `An operator has refused the agent ${run.agent}.`), closes: over };
  if (run.admission === 'refuse') {
    const why = `The agent ${run.agent} was started outside Holdpoint, and no operator has admitted it.`;
    return { kind: 'deny', denial: denial('agent_unknown', why), closes: [] };
  }
  return { kind: 'hold', hold: asked ?? admissionHold(facts), closes: [] };
}

function denial(code: DenialCode, message: string): Denial {
  return { code, message, policies: [], by: null, askAgain: false };
}

function admissionHold({ run, request, now }: Facts): Hold {
  return {
    id: request.freshHold,
    run: run.id,
    key: null,
    kind: 'admission',
    state: { kind: 'open' },
    version: 1,
    digest: null,
    reason: `The agent ${run.agent} was started outside Holdpoint, and nobody has said yet whether it may act.`,
    requires: [],
    policySet: null,
    shown: {
      title: `Admit the agent ${run.agent}?`,
      fields: [
        { name: 'agent', value: run.agent },
        { name: 'workflow', value: run.workflow },
        { name: 'first call', value: request.action },
        ...request.shown.fields,
      ],
      evidence: [],
    },
    openedAt: now,
    decideBy: null,
    edit: null,
    result: null,
  };
}
