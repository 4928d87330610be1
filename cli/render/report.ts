import { visibleText } from '../../core/index.ts';
import type { AgentView, Instant, ReportView } from '../../core/index.ts';
import { renderTable } from './table.ts';
import { renderWhen } from './when.ts';

const GAPS: Readonly<Record<string, string>> = {
  no_header: 'it said of no run that it belongs to one',
  unidentified: 'what it said of its run was not borne out',
  undeclared: 'no action declares it',
  ledger_away: 'the ledger did not answer in time',
  unjudged: 'the gate could not judge it',
};

/** What enforcement would do, in the order in which an owner would look at it. */
export function renderReport(report: ReportView, now: Instant): string {
  const { since, totals, findings, gaps, observing, unanswered } = report;
  const noted = findings.reduce((sum, { calls }) => sum + calls, 0);
  const lines = [
    `Since ${renderWhen(since, now)}: ${totals.calls} calls of ${totals.runs} runs passed in observe; enforcement would have stopped ${noted} of them.`,
    observing.length === 0 ? 'No open run is in observe.' : visibleText(`Open runs in observe: ${observing.join(', ')}.`),
  ];
  if (unanswered.length > 0) lines.push(visibleText(`Operators would be asked to admit: ${unanswered.join(', ')}.`));
  if (findings.length > 0) {
    lines.push(
      '',
      renderTable(findings, [
        { title: 'WOULD BE', value: verdictOf },
        { title: 'AGENT', value: (one) => one.agent },
        { title: 'ACTION', value: (one) => one.action },
        { title: 'CALLS', value: (one) => String(one.calls) },
        { title: 'RUNS', value: (one) => String(one.runs) },
        { title: 'ASKS', value: (one) => one.asks.join(', ') },
        { title: 'POLICIES', value: (one) => one.policies.join(', ') },
        { title: 'WHY', value: (one) => one.reason },
      ]),
    );
  }
  if (gaps.length > 0) {
    lines.push(
      '',
      'Gaps: calls that passed without a record of their own',
      renderTable(gaps, [
        { title: 'CALLS', value: (one) => String(one.count) },
        { title: 'ACTION', value: (one) => one.action },
        { title: 'WHY', value: (one) => GAPS[one.kind] ?? one.kind },
      ]),
    );
  }
  return lines.join('\n');
}

function verdictOf({ verdict, what }: ReportView['findings'][number]): string {
  if (verdict === 'hold') return what === 'breaker' ? 'stopped (breaker)' : `held (${what})`;
  return verdict === 'deny' ? `denied (${what})` : verdict === 'later' ? 'postponed' : 'answered from the record';
}

export function renderAgents(agents: readonly AgentView[], now: Instant): string {
  if (agents.length === 0) return 'No agent has run yet.';
  return renderTable(agents, [
    { title: 'AGENT', value: (one) => one.agent },
    { title: 'OPEN', value: (one) => String(one.open) },
    { title: 'RUNS', value: (one) => String(one.runs) },
    { title: 'ADOPTED', value: (one) => String(one.adopted) },
    { title: 'OBSERVED', value: (one) => String(one.observed) },
    { title: 'ANSWER', value: ({ answer }) => (answer === null ? '' : `${answer.answer} by ${answer.by}, ${renderWhen(answer.at, now)}`) },
    { title: 'LAST START', value: (one) => (one.lastStartedAt === null ? '' : renderWhen(one.lastStartedAt, now)) },
  ]);
}
