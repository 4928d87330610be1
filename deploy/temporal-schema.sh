#!/bin/sh
# Brings both of Temporal's databases to this release's schema; run again, it changes nothing. SQL_PASSWORD is read by the tool.
set -eu

for database in temporal:temporal temporal_visibility:visibility; do
  tool="temporal-sql-tool --plugin postgres12 --ep postgres --port 5432 --user temporal --database ${database%%:*}"
  $tool setup-schema --version 0.0
  $tool update-schema --schema-dir "/etc/temporal/schema/postgresql/v12/${database##*:}/versioned"
done
