/** What each verb needs and no more: workers ask and record, servers start, decide and end. */
const WORKER = [
  'SELECT ON ALL TABLES IN SCHEMA public',
  'INSERT ON calls, holds, audit, executions, deliveries, manifests, policy_sets, blobs, gaps, run_inputs',
  // Only runs that it adopts, as a trigger says.
  `INSERT (id, agent, workflow, workflow_id, first_run_id, task_queue, requesters, labels, mode, admission, adopted, created_at, started_at,
    steps_limit, spend_limit, time_limit, identical_limit, failures_limit, audit_seq, audit_head) ON runs`,
  'UPDATE ON gaps',
  'UPDATE ON calls',
  'UPDATE (state, state_detail, evidence) ON holds',
  `UPDATE (first_run_id, started_at, closed, closed_at, steps_used, settled, reserved, overrun, claimed, open_holds, waited, waiting_since,
    meters, unfolded, audit_seq, audit_head) ON runs`,
  'UPDATE (desired, due_at, tries) ON deliveries',
  'UPDATE ON manifests',
  'UPDATE (policy_set, audit_seq, audit_head) ON installation',
];
const SERVER = [
  'SELECT ON ALL TABLES IN SCHEMA public',
  'INSERT ON run_inputs, votes, audit, executions, deliveries, tokens, idempotency, policy_sets, blobs, agents',
  `INSERT (id, agent, workflow, workflow_id, first_run_id, task_queue, requesters, labels, mode, admission, adopted, created_at, started_at, steps_limit, spend_limit, time_limit,
    identical_limit, failures_limit, audit_seq, audit_head) ON runs`,
  'UPDATE (state, waiting_for, changed_at) ON calls',
  'UPDATE (state, state_detail, version, digest, decide_by, edit, result) ON holds',
  `UPDATE (first_run_id, started_at, fenced_at, fence_reason, fence_by, closed, closed_at, closed_reason, steps_limit, spend_limit,
    time_limit, identical_limit, failures_limit, overrun_accepted, open_holds, waited, waiting_since, checked_at, audit_seq, audit_head) ON runs`,
  'UPDATE ON deliveries, tokens',
  'UPDATE, DELETE ON idempotency, agents',
  'UPDATE (temporal_namespace_id, policy_set, audit_seq, audit_head) ON installation',
];

/** Roles belong to the whole cluster: another database may have made them, or be making them now, and the owner of this one may not be let. */
const makeRole = (role: string): string => `DO $$
  BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '${role}') THEN
      BEGIN
        CREATE ROLE ${role} NOLOGIN;
      EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
      END;
    END IF;
    IF NOT pg_has_role(current_user, '${role}', 'SET') THEN
      EXECUTE format('GRANT ${role} TO %I', current_user);
    END IF;
  END $$`;

export const roles: readonly string[] = [
  makeRole('holdpoint_worker'),
  makeRole('holdpoint_server'),
  'GRANT USAGE ON SCHEMA public TO holdpoint_worker, holdpoint_server',
  ...WORKER.map((privilege) => `GRANT ${privilege} TO holdpoint_worker`),
  ...SERVER.map((privilege) => `GRANT ${privilege} TO holdpoint_server`),
  'REVOKE SELECT ON tokens, idempotency FROM holdpoint_worker',
];
