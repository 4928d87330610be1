import type { AgentAnswer, Instant, Principal, Vote } from '../core/index.ts';
import type { Database, Queryable } from './database.ts';
import { recordForInstallation } from './installation.ts';

/** An agent that has runs or an answer. */
export interface AgentRecord {
  readonly agent: string;
  /** Null = nobody has answered, and nobody need for runs that Holdpoint starts. */
  readonly answer: { readonly answer: AgentAnswer; readonly by: Principal; readonly note: string | null; readonly at: Instant } | null;
  readonly runs: number;
  readonly open: number;
  /** Runs that were started elsewhere. */
  readonly adopted: number;
  /** Open runs in observe. */
  readonly observed: number;
  readonly lastStartedAt: Instant | null;
}

const ANSWER = `
  INSERT INTO agents (agent, answer, by, note, at) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (agent) DO UPDATE SET answer = excluded.answer, by = excluded.by, note = excluded.note, at = excluded.at`;
/** Other runs of the agent that wait for the same answer. */
const WAKE = `
  INSERT INTO deliveries (kind, subject, run, desired, due_at)
  SELECT 'wake', holds.id, holds.run, 1, $2 FROM holds JOIN runs ON runs.id = holds.run
  WHERE runs.agent = $1 AND holds.kind = 'admission' AND holds.state = 'open'
  ON CONFLICT (kind, subject) DO UPDATE SET desired = deliveries.desired + 1, due_at = excluded.due_at, tries = 0`;
const FORGET = 'DELETE FROM agents WHERE agent = $1 RETURNING answer';
const LIST = `
  SELECT coalesce(agents.agent, counted.agent) AS agent, agents.answer, agents.by, agents.note, agents.at,
    coalesce(counted.runs, 0) AS runs, coalesce(counted.open, 0) AS open, coalesce(counted.adopted, 0) AS adopted,
    coalesce(counted.observed, 0) AS observed, counted.last
  FROM agents FULL JOIN (
    SELECT agent, count(*) AS runs, count(*) FILTER (WHERE closed IS NULL) AS open, count(*) FILTER (WHERE adopted) AS adopted,
      count(*) FILTER (WHERE closed IS NULL AND mode = 'observe') AS observed, max(started_at) AS last
    FROM runs GROUP BY agent
  ) counted ON counted.agent = agents.agent
  ORDER BY 1`;

/** Sends: the answer is kept for the agent, and its runs that wait for it are told to ask again. */
export function answerForAgent(
  tx: Queryable,
  agent: string,
  answer: AgentAnswer,
  { person, at }: Pick<Vote, 'person' | 'at'>,
  note: string | null,
): void {
  void tx.query(ANSWER, [agent, answer, person, note, at]);
  void tx.query(WAKE, [agent, at]);
  recordForInstallation(tx, { kind: `agent.${answer}`, body: { agent, by: person, note } });
}

/** Takes an answer back: the agent's next call asks again. False = there was none. */
export async function forgetAgent(
  db: Database,
  agent: string,
  { by, reason }: { readonly by: Principal; readonly reason: string },
): Promise<boolean> {
  return await db.transaction(async (tx) => {
    const [gone] = await tx.query<{ answer: AgentAnswer }>(FORGET, [agent]);
    if (gone === undefined) return false;
    recordForInstallation(tx, { kind: 'agent.revoked', body: { agent, answer: gone.answer, by, reason } });
    return true;
  });
}

/** By name. */
export async function listAgents(db: Database): Promise<readonly AgentRecord[]> {
  type AgentRow = {
    agent: string;
    answer: AgentAnswer | null;
    by: Principal;
    note: string | null;
    at: Instant;
    runs: number;
    open: number;
    adopted: number;
    observed: number;
    last: Instant | null;
  };
  return (await db.query<AgentRow>(LIST)).map(({ agent, answer, by, note, at, runs, open, adopted, observed, last }) => ({
    agent,
    answer: answer === null ? null : { answer, by, note, at },
    runs,
    open,
    adopted,
    observed,
    lastStartedAt: last,
  }));
}
