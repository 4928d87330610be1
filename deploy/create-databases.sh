#!/bin/bash
# Runs once, when Postgres makes its data folder: one database and owner for Temporal, one for the ledger. Workers log
# in as holdpoint_gate, which can be the ledger's worker role and nothing else, so that they cannot decide holds.
set -euo pipefail

: "${TEMPORAL_DB_PASSWORD:?must be set in deploy/postgres.env}"
: "${HOLDPOINT_DB_PASSWORD:?must be set in deploy/postgres.env}"
: "${HOLDPOINT_GATE_DB_PASSWORD:?must be set in deploy/postgres.env}"

psql --set ON_ERROR_STOP=1 --set temporal="$TEMPORAL_DB_PASSWORD" --set holdpoint="$HOLDPOINT_DB_PASSWORD" \
  --set gate="$HOLDPOINT_GATE_DB_PASSWORD" --username postgres --no-password <<'SQL'
CREATE ROLE temporal LOGIN PASSWORD :'temporal';
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;

CREATE ROLE holdpoint LOGIN PASSWORD :'holdpoint';
CREATE DATABASE holdpoint OWNER holdpoint;
CREATE ROLE holdpoint_worker NOLOGIN;
CREATE ROLE holdpoint_server NOLOGIN;
GRANT holdpoint_worker, holdpoint_server TO holdpoint;
CREATE ROLE holdpoint_gate LOGIN PASSWORD :'gate' NOINHERIT;
GRANT holdpoint_worker TO holdpoint_gate;

REVOKE CONNECT ON DATABASE temporal, temporal_visibility, holdpoint FROM PUBLIC;
GRANT CONNECT ON DATABASE holdpoint TO holdpoint_gate;
SQL
