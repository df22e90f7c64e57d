/** The function with which a node joins the log, and by which it learns whether the log is the one that it knew. */
export const IDENTITY = `
  -- Where the log lives. It cannot be copied with the data, except with the files of the whole server.
  CREATE FUNCTION origin() RETURNS text LANGUAGE sql AS $$
    SELECT system_identifier || '/' || d.oid || '/' || 'log'::regclass::oid
    FROM pg_control_system(), pg_database d WHERE datname = current_database()
  $$;

  -- known_…: what the node last knew of the log; null in a node that opens it. If events were lost, or might have been,
  -- the log gets the new epoch.
  CREATE FUNCTION join_log(
    known_epoch text, known_term integer, known_start timestamptz, known_newest bigint, new_epoch text,
    OUT epoch text, OUT secret text, OUT term integer, OUT server_started timestamptz, OUT newest bigint,
    OUT last_purge bigint
  ) LANGUAGE plpgsql AS $$
  DECLARE
    here text := origin();
    known terms;
    is_lost boolean;
  BEGIN
    PERFORM enter(NULL);
    SELECT log.epoch, log.secret INTO STRICT epoch, secret FROM log;
    newest := newest();
    last_purge := (SELECT coalesce(max(n), 0) FROM purges);
    IF EXISTS (SELECT FROM log WHERE origin <> here) THEN
      is_lost := true;
      UPDATE log SET origin = here;
    ELSIF known_epoch IS NULL THEN
      -- Another timeline began: after a failover, or because a backup was restored. No node can say that nothing is lost.
      is_lost := EXISTS (
        SELECT FROM terms t JOIN terms p ON p.n = t.n - 1 WHERE NOT t.is_vouched AND t.timeline <> p.timeline
      );
    ELSIF known_epoch = epoch THEN
      SELECT * INTO known FROM terms WHERE n = known_term;
      is_lost := known.server_started IS DISTINCT FROM known_start
        OR coalesce((SELECT since FROM terms WHERE n = known_term + 1), newest) < known_newest;
    END IF;
    IF is_lost THEN
      UPDATE log SET epoch = new_epoch;
      epoch := new_epoch;
    END IF;
    IF is_lost OR known_epoch IS NOT NULL THEN
      UPDATE terms SET is_vouched = true WHERE NOT is_vouched;
    END IF;
    SELECT t.n, t.server_started INTO STRICT term, server_started FROM terms t ORDER BY t.n DESC LIMIT 1;
  END
  $$;
`
