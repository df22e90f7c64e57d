/** The functions of retention. Each call is one short transaction, for which publishers wait. */
export const RETENTION = `
  -- Everything up to this seq was committed more than a minute ago.
  CREATE FUNCTION settled() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT coalesce(max(seq), 0) FROM marks WHERE at < clock_timestamp() - interval '1 minute'
  $$;

  -- Removes events, and the rows of topics that are empty then: those of purged topics, and as many others as are
  -- superfluous. Returns how many events were removed, and how many rows of empty topics are left and were removed.
  CREATE FUNCTION remove_events(
    expected_epoch text, doomed bigint[], examined bigint[], superfluous integer,
    OUT removed integer, OUT empties integer, OUT forgotten integer
  ) LANGUAGE plpgsql AS $$
  DECLARE
    settled bigint;
  BEGIN
    PERFORM enter(expected_epoch);
    settled := settled();
    IF cardinality(doomed) > 0 THEN
      WITH gone AS (
        DELETE FROM events e USING topics t WHERE e.seq = ANY (doomed) AND t.id = e.topic RETURNING e.*, t.name
      ), unset AS (
        DELETE FROM keys WHERE seq = ANY (doomed) RETURNING seq
      ), kept AS (
        INSERT INTO removed SELECT * FROM gone WHERE seq > settled
      ), loss AS (
        UPDATE log SET losses = losses + 1,
          removed_through = greatest(removed_through, (SELECT max(seq) FROM gone)),
          missing_through = greatest(missing_through, (SELECT max(seq) FROM gone WHERE seq <= settled))
        RETURNING losses
      ), sums AS (
        SELECT topic, max(gone.seq) AS last, count(*) AS all_events, count(unset.seq) AS keys,
          coalesce(sum(octet_length(data)) FILTER (WHERE unset.seq IS NULL), 0) AS bytes,
          coalesce(sum(octet_length(data) + octet_length(key) + 64) FILTER (WHERE unset.seq IS NOT NULL), 0)
            AS state_bytes
        FROM gone LEFT JOIN unset ON unset.seq = gone.seq GROUP BY topic
      ), changed AS (
        UPDATE topics t SET count = t.count - (s.all_events - s.keys), bytes = t.bytes - s.bytes,
          keys = t.keys - s.keys, state_bytes = t.state_bytes - s.state_bytes,
          trimmed = greatest(t.trimmed, s.last), lost_at = loss.losses
        FROM sums s, loss WHERE t.id = s.topic
      )
      SELECT count(*) INTO removed FROM gone;
    ELSE
      removed := 0;
    END IF;

    DELETE FROM topics WHERE id = ANY (examined) AND is_purged AND count + keys = 0;
    -- It can begin again.
    UPDATE topics SET ended = NULL
      WHERE id = ANY (examined) AND NOT is_purged AND count + keys = 0 AND ended IS NOT NULL;
    WITH gone AS (
      DELETE FROM topics WHERE id IN (
        SELECT id FROM topics WHERE id = ANY (examined) AND NOT is_purged AND count + keys = 0 LIMIT superfluous
      ) RETURNING trimmed
    ), risen AS (
      UPDATE log SET floor = greatest(floor, (SELECT max(trimmed) FROM gone)), floor_at = losses
      WHERE EXISTS (SELECT FROM gone)
    )
    SELECT count(*) INTO forgotten FROM gone;
    empties := (SELECT count(*) FROM topics WHERE id = ANY (examined) AND NOT is_purged AND count + keys = 0);
  END
  $$;

  -- Removes answers whose window is over.
  CREATE FUNCTION remove_expired_answers(now_ms bigint, max_rows integer) RETURNS integer LANGUAGE plpgsql AS $$
  DECLARE
    total integer;
  BEGIN
    PERFORM enter(NULL);
    WITH gone AS (
      DELETE FROM answers WHERE (topic, key) IN (
        SELECT topic, key FROM answers WHERE time <= now_ms - 86400000 ORDER BY time LIMIT max_rows
      ) RETURNING topic, key
    ), sums AS (
      SELECT topic, sum(octet_length(key) + 64) AS bytes, count(*) AS rows FROM gone GROUP BY topic
    ), changed AS (
      UPDATE answered a SET bytes = a.bytes - s.bytes FROM sums s WHERE a.topic = s.topic
    )
    SELECT coalesce(sum(rows), 0) INTO total FROM sums;
    DELETE FROM answered WHERE topic IN (SELECT topic FROM answered WHERE bytes <= 0 LIMIT max_rows);
    RETURN total;
  END
  $$;

  -- Removes the oldest answers of a topic, until as many bytes are gone as are superfluous.
  CREATE FUNCTION remove_surplus_answers(topic_name text, superfluous bigint, max_rows integer) RETURNS integer
  LANGUAGE plpgsql AS $$
  DECLARE
    total integer;
  BEGIN
    PERFORM enter(NULL);
    WITH oldest AS (
      SELECT topic, key, time FROM answers WHERE topic = topic_name ORDER BY topic, time LIMIT max_rows
    ), doomed AS (
      SELECT topic, key FROM (
        SELECT topic, key, sum(octet_length(key) + 64) OVER (ORDER BY time, key) - octet_length(key) - 64 AS before
        FROM oldest
      ) sized WHERE before < superfluous
    ), gone AS (
      DELETE FROM answers a USING doomed d WHERE a.topic = d.topic AND a.key = d.key RETURNING a.key
    ), changed AS (
      UPDATE answered SET bytes = bytes - (SELECT coalesce(sum(octet_length(key) + 64), 0) FROM gone)
      WHERE topic = topic_name
    )
    SELECT count(*) INTO total FROM gone;
    RETURN total;
  END
  $$;

  -- The end of a round: forgets what every tail has read, a bounded number of rows at a time. Returns whether that is all.
  CREATE FUNCTION end_round(max_rows integer) RETURNS boolean LANGUAGE plpgsql AS $$
  DECLARE
    settled bigint := settled();
  BEGIN
    WITH gone AS (
      DELETE FROM removed WHERE seq IN (SELECT seq FROM removed WHERE seq <= settled ORDER BY seq LIMIT max_rows)
      RETURNING seq
    )
    UPDATE log SET missing_through = greatest(missing_through, (SELECT max(seq) FROM gone))
      WHERE EXISTS (SELECT FROM gone);
    IF EXISTS (SELECT FROM removed WHERE seq <= settled) THEN
      RETURN false;
    END IF;
    DELETE FROM marks WHERE seq < settled;
    IF NOT EXISTS (SELECT FROM marks WHERE at > clock_timestamp() - interval '10 seconds') THEN
      INSERT INTO marks VALUES (newest(), clock_timestamp());
    END IF;
    DELETE FROM purges WHERE n IN (SELECT n FROM purges WHERE at < now() - interval '7 days' ORDER BY n LIMIT max_rows);
    RETURN true;
  END
  $$;
`
