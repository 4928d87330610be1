export const functions: readonly string[] = [
  // Tests move the ledger's clock by replacing this function, which only its owner may; `stable`, so that plans depend on it.
  `CREATE FUNCTION holdpoint_clock_shift() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT 0::bigint $$`,
  // In SQL and without a table, so that it is inlined.
  `CREATE FUNCTION holdpoint_now() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint + holdpoint_clock_shift()
  $$`,

  // The preimage is that of core/audit.ts; a test compares the two. Stable, as convert_to is: an immutable one would not be inlined.
  `CREATE FUNCTION holdpoint_audit_hash(previous text, seq bigint, at bigint, body text) RETURNS text
  LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT encode(sha256(convert_to(previous || chr(10) || seq::text || chr(10) || at::text || chr(10) || body, 'UTF8')), 'hex')
  $$`,

  `CREATE FUNCTION holdpoint_audit_rows(head text, last bigint, at bigint, bodies text[])
  RETURNS TABLE (seq bigint, body text, hash text) LANGUAGE plpgsql STABLE ROWS 1 AS $$
  BEGIN
    hash := head;
    seq := last;
    FOREACH body IN ARRAY bodies LOOP
      seq := seq + 1;
      hash := holdpoint_audit_hash(hash, seq, at, body);
      RETURN NEXT;
    END LOOP;
  END $$`,

  // Shared by whoever works on a run of this agent; taken exclusively by who blocks an agent or stops everything. Inlined.
  `CREATE FUNCTION holdpoint_share(agent text) RETURNS boolean LANGUAGE sql VOLATILE AS $$
    SELECT pg_advisory_xact_lock_shared(7400, 0) IS NOT NULL AND pg_advisory_xact_lock_shared(7401, hashtext(agent)) IS NOT NULL
  $$`,
];
