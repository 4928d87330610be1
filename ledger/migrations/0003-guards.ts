/**
 * What must hold whatever the code does. SQLSTATE: HP001 a table that only grows, HP002 a hold's state
 * written twice, HP003 a role beyond its part.
 */
export const guards: readonly string[] = [
  `CREATE FUNCTION holdpoint_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    RAISE EXCEPTION '% only grows: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'HP001';
  END $$`,
  ...['audit', 'votes', 'executions'].map(
    (table) =>
      `CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION holdpoint_only_grows()`,
  ),

  `CREATE FUNCTION holdpoint_hold_moves() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF TG_OP = 'INSERT' THEN
      IF NEW.state <> 'open' THEN
        RAISE EXCEPTION 'hold % begins as %, not open', NEW.id, NEW.state USING ERRCODE = 'HP002';
      END IF;
      RETURN NEW;
    END IF;
    IF (NEW.id, NEW.run, NEW.key, NEW.kind, NEW.opened_at) IS DISTINCT FROM (OLD.id, OLD.run, OLD.key, OLD.kind, OLD.opened_at) THEN
      RAISE EXCEPTION 'hold % cannot become another hold', OLD.id USING ERRCODE = 'HP002';
    END IF;
    IF OLD.state <> 'open' THEN
      IF NOT (NEW.state = OLD.state OR (OLD.state = 'granted' AND NEW.state = 'withdrawn')) THEN
        RAISE EXCEPTION 'hold % is % and cannot become %', OLD.id, OLD.state, NEW.state USING ERRCODE = 'HP002';
      END IF;
      IF (NEW.version, NEW.digest, NEW.edit, NEW.result) IS DISTINCT FROM (OLD.version, OLD.digest, OLD.edit, OLD.result)
        OR (NEW.state = OLD.state AND NEW.state_detail <> OLD.state_detail) THEN
        RAISE EXCEPTION 'hold % is % and cannot change', OLD.id, OLD.state USING ERRCODE = 'HP002';
      END IF;
    END IF;
    IF current_user = 'holdpoint_worker' AND NEW.state IS DISTINCT FROM OLD.state AND NEW.state IN ('granted', 'denied') THEN
      RAISE EXCEPTION 'a worker cannot decide hold %', OLD.id USING ERRCODE = 'HP003';
    END IF;
    RETURN NEW;
  END $$`,
  `CREATE TRIGGER moves BEFORE INSERT OR UPDATE ON holds FOR EACH ROW EXECUTE FUNCTION holdpoint_hold_moves()`,

  `CREATE FUNCTION holdpoint_hold_counts() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF TG_OP = 'INSERT' THEN
      UPDATE runs SET open_holds = open_holds + 1, waiting_since = coalesce(waiting_since, NEW.opened_at) WHERE id = NEW.run;
    ELSIF OLD.state = 'open' AND NEW.state <> 'open' THEN
      UPDATE runs SET
        open_holds = open_holds - 1,
        waited = CASE WHEN open_holds = 1 THEN waited + greatest(0, holdpoint_now() - waiting_since) ELSE waited END,
        waiting_since = CASE WHEN open_holds = 1 THEN NULL ELSE waiting_since END
      WHERE id = NEW.run;
    END IF;
    RETURN NULL;
  END $$`,
  `CREATE TRIGGER counts AFTER INSERT OR UPDATE OF state ON holds FOR EACH ROW EXECUTE FUNCTION holdpoint_hold_counts()`,

  `CREATE FUNCTION holdpoint_run_adopted() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF current_user = 'holdpoint_worker' AND NOT NEW.adopted THEN
      RAISE EXCEPTION 'a worker adopts runs and cannot start run %', NEW.id USING ERRCODE = 'HP003';
    END IF;
    RETURN NEW;
  END $$`,
  `CREATE TRIGGER adopted BEFORE INSERT ON runs FOR EACH ROW EXECUTE FUNCTION holdpoint_run_adopted()`,

  `CREATE FUNCTION holdpoint_call_claimed() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF current_user = 'holdpoint_server' THEN
      RAISE EXCEPTION 'the server cannot claim call % of run %', NEW.key, NEW.run USING ERRCODE = 'HP003';
    END IF;
    RETURN NEW;
  END $$`,
  `CREATE TRIGGER claimed BEFORE UPDATE OF state ON calls FOR EACH ROW WHEN (NEW.state = 'claimed') EXECUTE FUNCTION holdpoint_call_claimed()`,
];
