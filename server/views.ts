import { HOLD_RULES, deciders, worked } from '../core/index.ts';
import type { CallView, HoldState, HoldView, Instant, Json, RunSummary } from '../core/index.ts';
import type { CallRecord, HoldRecord, RunRecord } from '../ledger/index.ts';

export function runSummaryOf(run: RunRecord, now: Instant): RunSummary {
  const { limits, used } = run;
  return {
    id: run.id,
    agent: run.agent,
    workflow: run.workflow,
    state: run.state,
    mode: run.mode,
    adopted: run.admission !== null,
    requesters: run.requesters,
    labels: run.labels,
    startedAt: run.startedAt,
    closedAt: run.closedAt,
    closedReason: run.closedReason,
    killed: run.fence,
    steps: { used: used.steps, limit: limits.steps },
    spend: { settled: used.settled, reserved: used.reserved, overrun: used.overrun, limit: limits.spend },
    time: { used: worked(run, run.closedAt ?? now), limit: limits.time },
    failures: { used: run.meters.failures, limit: limits.failures },
    identical: { limit: limits.identical },
    openHolds: run.openHolds,
  };
}

export function callViewOf(call: CallRecord): CallView {
  const { state } = call;
  return {
    key: call.key,
    action: call.action,
    digest: call.digest,
    state: state.kind,
    attempts: call.attempts,
    verdict: call.verdict,
    spend: call.spend,
    hold: call.waitingFor,
    grant: call.grant,
    error: state.kind === 'failed' || state.kind === 'unknown' ? state.error : null,
    denial: state.kind === 'refused' ? state.denial : null,
    observed: call.observed,
  };
}

export function holdViewOf(hold: HoldRecord): HoldView {
  return {
    id: hold.id,
    run: hold.run,
    kind: hold.kind,
    action: hold.action,
    key: hold.key,
    digest: hold.digest,
    reason: hold.reason,
    state: hold.state.kind,
    version: hold.version,
    requires: hold.requires,
    votes: hold.votes,
    openedAt: hold.openedAt,
    decideBy: hold.decideBy,
    choices: HOLD_RULES[hold.kind].choices,
    deciders: deciders(hold).map(({ approvers, quorum }) => ({ approvers, quorum })),
    shown: hold.shown,
    ended: endOf(hold.state),
    edit: hold.edit === null ? null : { version: hold.edit.version, by: hold.edit.by, changes: JSON.parse(hold.edit.changes) as Json },
    policySet: hold.policySet,
  };
}

function endOf(state: HoldState): HoldView['ended'] {
  switch (state.kind) {
    case 'open':
      return null;
    case 'granted':
      return { at: state.at, by: state.by, choice: state.choice, useBy: state.useBy, note: state.note };
    case 'denied':
      return { at: state.at, by: [state.by], choice: state.choice, useBy: null, note: state.note };
    case 'expired':
      return { at: state.at, by: [], choice: null, useBy: null, note: null };
    case 'withdrawn':
      return { at: state.at, by: [], choice: null, useBy: null, note: state.why };
  }
}
