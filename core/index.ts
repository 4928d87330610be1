export type {
  ActionName,
  CanonicalText,
  Digest,
  HoldId,
  Instant,
  Json,
  Micros,
  Millis,
  Principal,
  RunId,
  StepKey,
  Token,
} from './names.ts';
export type { ActionAnnotations, ActionManifest } from './manifest.ts';
export { DENIAL_CODES, SEVERITIES } from './policy-ruling.ts';
export type { Denial, DenialCode, PolicyRuling, Requirement, Severity, WouldBe } from './policy-ruling.ts';
export { Refusal } from './refusal.ts';
export type { RefusalKind } from './refusal.ts';
export { MODES } from './run.ts';
export type { Admission, Meters, Mode, Run, RunClosed, RunLimits, RunState } from './run.ts';
export type { Call, CallRequest, CallState, ExecutionRef, Outcome, OutcomeKind, Shown, StoredResult } from './call.ts';
export { CHOICES, HOLD_KINDS, HOLD_RULES } from './hold.ts';
export type { Choice, Edit, Hold, HoldKind, HoldKindRules, HoldState, Raise, Vote } from './hold.ts';
export { formatUsd, usd } from './money.ts';
export { childPath, parentPath, pathOf, stepKey } from './step-key.ts';
export { canonical, canonicalOf, isJson } from './canonical.ts';
export {
  ADOPTED_RUN,
  BEGIN_WITHIN,
  EDITED_KEY,
  FAILURES,
  GOVERNED_ACTIVITY_OPTIONS,
  HEADER,
  HEARTBEAT_EVERY,
  LEASE,
  WAITING_ROOM_MARKER,
  WAKE_SIGNAL,
  WITHDRAW_ACTIVITY,
} from './wire.ts';
export type { CallHeader, DeniedBody, EditedResult, FailedBody, HoldBody, LaterBody, RefusedBody, RunHeader, Wake } from './wire.ts';
export {
  parseCallHeader,
  parseDeniedBody,
  parseEditedResult,
  parseFailedBody,
  parseHoldBody,
  parseLaterBody,
  parseRefusedBody,
  parseRunHeader,
  parseWake,
} from './wire-parse.ts';
export { isSecretReference } from './secret-reference.ts';
export { parseJson } from './strict-json.ts';
export { auditPreimage, auditText } from './audit.ts';
export type { AuditEntry, AuditRow } from './audit.ts';
export type { AgentAnswer, Decided, Facts, Observed, Unfolded, Verdict } from './verdict.ts';
export { decide } from './decide.ts';
export { completeLimits, DEFAULT_LIMITS, worked } from './limits/index.ts';
export type { LimitName } from './limits/index.ts';
export type { HoldFacts, Ruling } from './ruling.ts';
export { deciders, expireHold, ruleDecision } from './rule-decision.ts';
export type { DecisionAsk } from './rule-decision.ts';
export { visibleLines, visibleText } from './visible-text.ts';
export { closestWord } from './closest-word.ts';
export { formatDuration, parseDuration } from './duration.ts';
export type { Deliverer, DeliveryKind, Subject } from './deliverer.ts';
export { runState } from './run-state.ts';
export type { AgentView, CallView, HoldView, Page, Problem, ReportView, RunSummary, RunView, TokenView } from './views.ts';
export { parseChain } from './chain-plan.ts';
export type { ChainLimits, ChainPlan, ChainStep } from './chain-plan.ts';
export { resolveReferences } from './chain-reference.ts';
export { checkChain, knownInput } from './check-chain.ts';
