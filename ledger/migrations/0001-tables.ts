/**
 * What the ledger holds. Identifiers compare byte by byte (`COLLATE "C"`), which is also the fastest.
 * Texts that may quote people or models are JSON in `text` columns: `jsonb` refuses what JSON allows.
 * `runs` and `calls` are rewritten with every step: the free space and the choice of indices keep
 * those updates in their page, and what can be said by a domain is not said by a CHECK, which Postgres
 * parses again for every statement.
 */
export const tables: readonly string[] = [
  'CREATE DOMAIN amount AS bigint CHECK (VALUE >= 0)',
  `CREATE DOMAIN run_closed AS text CHECK (VALUE IN ('succeeded', 'failed', 'killed'))`,
  `CREATE DOMAIN run_mode AS text CHECK (VALUE IN ('enforce', 'observe'))`,
  `CREATE DOMAIN call_state AS text CHECK (VALUE IN
    ('asked', 'claimed', 'succeeded', 'failed', 'not-started', 'unknown', 'refused', 'withdrawn'))`,
  `CREATE DOMAIN hold_state AS text CHECK (VALUE IN ('open', 'granted', 'denied', 'expired', 'withdrawn'))`,

  `CREATE TABLE installation (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    id text NOT NULL DEFAULT gen_random_uuid()::text,
    temporal_namespace_id text,
    policy_set text,
    audit_seq bigint NOT NULL DEFAULT 0,
    audit_head text NOT NULL DEFAULT ''
  )`,
  `INSERT INTO installation DEFAULT VALUES`,

  `CREATE TABLE runs (
    id text COLLATE "C" PRIMARY KEY,
    agent text COLLATE "C" NOT NULL,
    workflow text NOT NULL,
    workflow_id text COLLATE "C" NOT NULL,
    first_run_id text,
    task_queue text NOT NULL,
    requesters text NOT NULL,
    labels text NOT NULL,
    mode run_mode NOT NULL DEFAULT 'enforce',
    admission text CHECK (admission IN ('hold', 'refuse')),
    adopted boolean NOT NULL DEFAULT false,
    created_at bigint NOT NULL,
    started_at bigint NOT NULL,
    fenced_at bigint,
    fence_reason text,
    fence_by text,
    closed run_closed,
    closed_at bigint,
    closed_reason text,
    steps_limit amount NOT NULL,
    spend_limit amount NOT NULL,
    time_limit amount NOT NULL,
    identical_limit amount NOT NULL,
    failures_limit amount NOT NULL,
    steps_used amount NOT NULL DEFAULT 0,
    settled amount NOT NULL DEFAULT 0,
    reserved amount NOT NULL DEFAULT 0,
    overrun amount NOT NULL DEFAULT 0,
    overrun_accepted amount NOT NULL DEFAULT 0,
    claimed amount NOT NULL DEFAULT 0,
    open_holds amount NOT NULL DEFAULT 0,
    waited amount NOT NULL DEFAULT 0,
    waiting_since bigint,
    meters text NOT NULL DEFAULT '{"failures":0}',
    unfolded jsonb NOT NULL DEFAULT '[]',
    checked_at bigint NOT NULL DEFAULT 0,
    audit_seq bigint NOT NULL DEFAULT 0,
    audit_head text NOT NULL DEFAULT '',
    -- Of what was started elsewhere, workflow ids may come again.
    UNIQUE (workflow_id, first_run_id),
    CONSTRAINT runs_steps_within_limit CHECK (steps_used <= steps_limit OR mode = 'observe'),
    CONSTRAINT runs_spend_within_limit CHECK (settled + reserved <= spend_limit OR mode = 'observe')
  ) WITH (fillfactor = 40, autovacuum_vacuum_scale_factor = 0.02)`,
  `CREATE INDEX runs_newest ON runs (created_at, id)`,
  `CREATE INDEX runs_of_agent ON runs (agent, created_at, id)`,
  `CREATE INDEX runs_unchecked ON runs (checked_at) WHERE closed IS NULL`,
  `CREATE TABLE run_inputs (run text COLLATE "C" PRIMARY KEY REFERENCES runs, input text NOT NULL)`,

  `CREATE TABLE executions (
    workflow_id text COLLATE "C" NOT NULL,
    run_id text COLLATE "C" NOT NULL,
    first_run_id text NOT NULL,
    path text COLLATE "C" NOT NULL,
    run text COLLATE "C" NOT NULL REFERENCES runs,
    seen_at bigint NOT NULL,
    PRIMARY KEY (workflow_id, run_id)
  )`,
  `CREATE INDEX executions_of_run ON executions (run, seen_at)`,

  `CREATE TABLE calls (
    run text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    action text NOT NULL,
    args_digest text COLLATE "C" NOT NULL,
    digest text COLLATE "C" NOT NULL,
    input text NOT NULL,
    facts text,
    idempotent boolean NOT NULL,
    workflow_id text NOT NULL,
    run_id text NOT NULL,
    attempts amount NOT NULL,
    claimed_at bigint,
    used_grant text COLLATE "C",
    spend amount NOT NULL,
    state call_state NOT NULL,
    token text COLLATE "C",
    lease_until bigint,
    reserved amount NOT NULL,
    detail text,
    waiting_for text COLLATE "C",
    verdict text NOT NULL,
    observed text,
    asked_at bigint NOT NULL,
    changed_at bigint NOT NULL,
    PRIMARY KEY (run, key),
    CONSTRAINT calls_claim_has_token CHECK (state <> 'claimed' OR token IS NOT NULL)
  ) WITH (fillfactor = 60)`,
  // An expression, so that it never passes for an index by run: see `STILL_OPEN` in hold-row.ts.
  `CREATE INDEX calls_alike ON calls ((run || ' ' || args_digest))`,
  `CREATE UNIQUE INDEX calls_use_a_grant_once ON calls (used_grant) WHERE used_grant IS NOT NULL`,
  `CREATE INDEX calls_observed ON calls (asked_at) WHERE observed IS NOT NULL`,
  `CREATE INDEX calls_waiting ON calls (waiting_for) WHERE waiting_for IS NOT NULL`,

  `CREATE TABLE holds (
    id text COLLATE "C" PRIMARY KEY,
    run text COLLATE "C" NOT NULL REFERENCES runs,
    key text COLLATE "C",
    kind text NOT NULL,
    state hold_state NOT NULL,
    state_detail text NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    digest text,
    reason text NOT NULL,
    requires text NOT NULL,
    policy_set text,
    shown text NOT NULL,
    opened_at bigint NOT NULL,
    decide_by bigint,
    edit text,
    result text,
    evidence text
  )`,
  `CREATE INDEX holds_of_call ON holds (run, key)`,
  `CREATE UNIQUE INDEX holds_one_open_a_call ON holds (run, key) WHERE state = 'open' AND key IS NOT NULL`,
  `CREATE UNIQUE INDEX holds_one_open_a_run_and_kind ON holds (run, kind) WHERE state = 'open' AND key IS NULL`,
  `CREATE INDEX holds_due ON holds (decide_by) WHERE state = 'open' AND decide_by IS NOT NULL`,
  `CREATE INDEX holds_newest ON holds (opened_at, id)`,
  `CREATE INDEX holds_open ON holds (opened_at, id) WHERE state = 'open'`,

  `CREATE TABLE votes (
    hold text COLLATE "C" NOT NULL REFERENCES holds,
    version bigint NOT NULL,
    person text COLLATE "C" NOT NULL,
    choice text NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (hold, version, person)
  )`,

  `CREATE TABLE deliveries (
    kind text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    run text COLLATE "C" NOT NULL REFERENCES runs,
    desired bigint NOT NULL,
    delivered bigint NOT NULL DEFAULT 0,
    due_at bigint NOT NULL,
    tries bigint NOT NULL DEFAULT 0,
    error text,
    PRIMARY KEY (kind, subject),
    CHECK (delivered <= desired)
  )`,
  `CREATE INDEX deliveries_due ON deliveries (due_at) WHERE delivered < desired`,

  // What operators answered for agents that were started elsewhere.
  `CREATE TABLE agents (
    agent text COLLATE "C" PRIMARY KEY,
    answer text NOT NULL CHECK (answer IN ('admitted', 'refused')),
    by text NOT NULL,
    note text,
    at bigint NOT NULL
  )`,
  // Calls that passed in observe without a record of their own, by the hour (milliseconds since the epoch).
  `CREATE TABLE gaps (
    hour bigint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    action text COLLATE "C" NOT NULL,
    count amount NOT NULL,
    PRIMARY KEY (hour, kind, action)
  )`,
  `CREATE TABLE tokens (
    id text COLLATE "C" PRIMARY KEY,
    hash text COLLATE "C" NOT NULL UNIQUE,
    principal text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('person', 'machine')),
    name text NOT NULL,
    owner text,
    created_at bigint NOT NULL,
    revoked_at bigint
  )`,
  `CREATE TABLE idempotency (
    key text COLLATE "C" PRIMARY KEY,
    request_hash text NOT NULL,
    status bigint NOT NULL,
    body text NOT NULL,
    at bigint NOT NULL
  )`,
  `CREATE INDEX idempotency_oldest ON idempotency (at)`,
  `CREATE TABLE manifests (action text COLLATE "C" PRIMARY KEY, manifest text NOT NULL, published_at bigint NOT NULL)`,
  `CREATE TABLE policy_sets (hash text COLLATE "C" PRIMARY KEY, body text NOT NULL, published_at bigint NOT NULL)`,
  `CREATE TABLE blobs (
    sha256 text COLLATE "C" PRIMARY KEY,
    body bytea NOT NULL,
    CONSTRAINT blobs_are_named_by_content CHECK (sha256 = encode(sha256(body), 'hex'))
  )`,
  `CREATE TABLE audit (
    chain text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    at bigint NOT NULL,
    text text NOT NULL,
    hash text COLLATE "C" NOT NULL,
    PRIMARY KEY (chain, seq)
  )`,
];
