import { formatDuration, formatUsd, visibleText } from '../../core/index.ts';
import type { CallView, Instant, RunSummary, RunView } from '../../core/index.ts';
import { renderHolds } from './hold.ts';
import type { Reader } from './hold.ts';
import { renderFields, renderTable } from './table.ts';
import { renderWhen } from './when.ts';

export function renderRuns(runs: readonly RunSummary[], now: Instant): string {
  if (runs.length === 0) return 'No runs.';
  return renderTable(runs, [
    { title: 'ID', value: (run) => run.id },
    { title: 'AGENT', value: (run) => run.agent },
    { title: 'WORKFLOW', value: (run) => run.workflow },
    { title: 'STATE', value: (run) => run.state },
    { title: 'STEPS', value: (run) => `${run.steps.used}/${run.steps.limit}`, align: 'right' },
    { title: 'SPEND', value: renderSpend, align: 'right' },
    { title: 'HOLDS', value: (run) => (run.openHolds === 0 ? '' : String(run.openHolds)), align: 'right' },
    { title: 'STARTED', value: (run) => renderWhen(run.startedAt, now) },
  ]);
}

export function renderRun(run: RunView, reader: Reader): string {
  const { now, program } = reader;
  const open = run.holds.filter((hold) => hold.state === 'open');
  return [
    renderRunFacts(run, now),
    run.calls.length === 0 ? 'No calls yet.' : `Calls\n${renderCalls(run.calls)}`,
    open.length === 0 ? '' : `Waiting for a decision\n${renderHolds(open, reader)}\n\nSee: ${program} hold show ${open[0]?.id ?? 'ID'}`,
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

export function renderRunFacts(run: RunSummary, now: Instant): string {
  const labels = Object.entries(run.labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
  return renderFields([
    ['run', run.id],
    ['agent', run.agent],
    ['workflow', run.workflow],
    ['state', run.state],
    ['requested by', run.requesters.join(', ')],
    ['labels', labels],
    ['started', renderWhen(run.startedAt, now)],
    ['ended', run.closedAt === null ? null : renderWhen(run.closedAt, now)],
    ['why', run.state === 'failed' ? run.closedReason : null],
    [
      'killed',
      run.killed === null ? null : `${renderWhen(run.killed.at, now)} by ${run.killed.by ?? 'nobody known'}: ${run.killed.reason ?? ''}`,
    ],
    ['steps', `${run.steps.used} of ${run.steps.limit}`],
    ['spend', `${renderSpend(run)}${run.spend.reserved > 0 ? `, ${formatUsd(run.spend.reserved)} of it reserved` : ''}`],
    ['overrun', run.spend.overrun > 0 ? formatUsd(run.spend.overrun) : null],
    ['working time', `${formatDuration(run.time.used)} of ${formatDuration(run.time.limit)}`],
    ['failures in a row', run.failures.used > 0 ? `${run.failures.used} of ${run.failures.limit}` : null],
  ]);
}

export function renderCalls(calls: readonly CallView[]): string {
  return renderTable(
    calls,
    [
      { title: 'STEP', value: (call) => call.key },
      { title: 'ACTION', value: (call) => call.action },
      { title: 'STATE', value: (call) => (call.hold === null ? call.state : `${call.state} (waits)`) },
      { title: 'ATTEMPTS', value: (call) => String(call.attempts), align: 'right' },
      { title: 'SPEND', value: (call) => (call.spend === 0 ? '' : formatUsd(call.spend)), align: 'right' },
      { title: 'WHY', value: (call) => call.denial?.message ?? call.error ?? '' },
    ],
    '  ',
  );
}

/** One line a change, for `run watch`. */
export function renderRunLine(run: RunSummary): string {
  const held = run.openHolds === 0 ? '' : `, ${run.openHolds} waiting for a decision`;
  return visibleText(`${run.id} ${run.state}: ${run.steps.used} of ${run.steps.limit} steps, ${renderSpend(run)}${held}`);
}

function renderSpend(run: RunSummary): string {
  const used = (run.spend.settled + run.spend.reserved) as typeof run.spend.settled;
  return `${formatUsd(used)} of ${formatUsd(run.spend.limit)}`;
}
