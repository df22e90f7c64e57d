/**
 * The functions that store events. One transaction at a time is between `enter` and its commit: this is what makes
 * the order of commits the order of seqs. Each statement of a function sees what was committed before it began.
 */
export const STORE = `
  -- The newest seq that is committed. Stable: as of the snapshot of the query that calls it. In PL/pgSQL, because SQL
  -- functions are planned at each call.
  CREATE FUNCTION newest() RETURNS bigint LANGUAGE plpgsql STABLE AS $$
  BEGIN
    RETURN greatest((SELECT removed_through FROM log), (SELECT max(seq) FROM events));
  END
  $$;

  -- Waits for its turn, which it has until the end of the transaction. The lock of a table, because anybody who can
  -- connect may take an advisory lock, and hold it.
  CREATE FUNCTION enter(expected_epoch text) RETURNS void LANGUAGE plpgsql AS $$
  DECLARE
    current record;
  BEGIN
    LOCK TABLE turn IN EXCLUSIVE MODE;
    SELECT epoch, server_started INTO STRICT current FROM log;
    IF current.epoch <> expected_epoch THEN
      RAISE EXCEPTION 'The log has another epoch.' USING ERRCODE = 'TR002';
    END IF;
    IF current.server_started <> pg_postmaster_start_time() THEN
      PERFORM begin_term();
    END IF;
  END
  $$;

  -- Begins the life of another server, or of the same one after a restart. If it has lost events, nodes that have seen
  -- them will find out. Until then, and whoever publishes first, no seq of a lost event is given again: seqs continue
  -- from the milliseconds since 2024, times 1024, which exceeds what was given before.
  CREATE FUNCTION begin_term() RETURNS void LANGUAGE plpgsql AS $$
  DECLARE
    number integer := (SELECT coalesce(max(n), 0) + 1 FROM terms);
  BEGIN
    -- First, since in an isolated transaction, after another has begun the same term, it fails as one to retry.
    UPDATE log SET server_started = pg_postmaster_start_time();
    INSERT INTO terms VALUES (
      number, pg_postmaster_start_time(), left(pg_walfile_name(pg_current_wal_lsn()), 8), newest(), number = 1
    );
    DELETE FROM terms WHERE n <= number - 1000;
    IF number > 1 THEN
      PERFORM setval('seqs', greatest(
        last_value + 1048576, newest() + 1048576, (clock() - 1704067200000) * 1024
      )) FROM seqs;
    END IF;
  END
  $$;

  CREATE FUNCTION clock() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint
  $$;

  -- Stores events after each other, after enter. For each event: its seq, or that of the event that it repeats. If one
  -- of them would follow the end of its topic, nothing is stored, and refused is its number, from 1.
  CREATE FUNCTION store(
    events new_event[], now_ms bigint, OUT places bigint[], OUT repeats boolean[], OUT refused integer
  ) LANGUAGE plpgsql AS $$
  DECLARE
    base bigint := (SELECT last_value FROM seqs);
    has_answers boolean := EXISTS (SELECT FROM unnest(events) WHERE idempotency_key IS NOT NULL);
    fresh integer;
  BEGIN
    IF has_answers THEN
      WITH given AS (
        SELECT n, e.topic, idempotency_key, a.seq AS earlier,
          a.seq IS NULL AND (
            idempotency_key IS NULL OR n = min(n) OVER (PARTITION BY e.topic, idempotency_key)
          ) AS is_fresh
        FROM unnest(events) WITH ORDINALITY
          AS e (topic, type, key, data, is_removal, is_end, idempotency_key, traceparent, tracestate, n)
        LEFT JOIN answers a ON a.topic = e.topic AND a.key = idempotency_key AND a.time > now_ms - 86400000
      ), placed AS (
        SELECT *, base + count(*) FILTER (WHERE is_fresh) OVER (ORDER BY n) AS place FROM given
      ), answered AS (
        SELECT n, is_fresh, coalesce(
          earlier, CASE WHEN is_fresh THEN place ELSE min(place) OVER (PARTITION BY topic, idempotency_key) END
        ) AS place FROM placed
      )
      SELECT array_agg(place ORDER BY n), array_agg(NOT is_fresh ORDER BY n), count(*) FILTER (WHERE is_fresh)
      INTO places, repeats, fresh FROM answered;
    ELSE
      fresh := cardinality(events);
      places := ARRAY(SELECT base + n FROM generate_series(1, fresh) n);
      repeats := array_fill(false, ARRAY[fresh]);
    END IF;

    SELECT min(n) INTO refused FROM (
      SELECT n, t.ended IS NOT NULL OR n > min(n) FILTER (WHERE is_end) OVER (PARTITION BY e.topic) AS is_refused
      FROM unnest(events) WITH ORDINALITY
        AS e (topic, type, key, data, is_removal, is_end, idempotency_key, traceparent, tracestate, n)
      LEFT JOIN topics t ON t.name = e.topic AND NOT t.is_purged
      WHERE NOT repeats[n]
    ) judged WHERE is_refused;
    IF refused IS NOT NULL OR fresh = 0 THEN
      RETURN;
    END IF;
    PERFORM setval('seqs', base + fresh);

    -- A topic that returns after its row was removed inherits the floor: what it lost is no longer known.
    INSERT INTO topics (name, newest, trimmed, lost_at)
      SELECT DISTINCT e.topic, 0, log.floor, log.floor_at
      FROM log, unnest(events) WITH ORDINALITY
        AS e (topic, type, key, data, is_removal, is_end, idempotency_key, traceparent, tracestate, n)
      WHERE NOT repeats[n] AND NOT EXISTS (SELECT FROM topics t WHERE t.name = e.topic AND NOT t.is_purged)
      ON CONFLICT (name) WHERE NOT is_purged DO NOTHING;

    INSERT INTO events
      SELECT places[n], t.id, now_ms, type, key, data, is_removal, is_end, traceparent, tracestate
      FROM unnest(events) WITH ORDINALITY
        AS e (topic, type, key, data, is_removal, is_end, idempotency_key, traceparent, tracestate, n)
      JOIN topics t ON t.name = e.topic AND NOT t.is_purged
      WHERE NOT repeats[n];

    -- What was the newest of its key becomes history.
    WITH fresh AS MATERIALIZED (
      SELECT t.id, key, is_removal, is_end, octet_length(data) AS bytes, places[n] AS seq,
        key IS NOT NULL AND NOT is_removal AND n = max(n) OVER (PARTITION BY t.id, key) AS is_newest
      FROM unnest(events) WITH ORDINALITY
        AS e (topic, type, key, data, is_removal, is_end, idempotency_key, traceparent, tracestate, n)
      JOIN topics t ON t.name = e.topic AND NOT t.is_purged
      WHERE NOT repeats[n]
    ), touched AS MATERIALIZED (
      SELECT id, key, bool_or(is_newest) AS is_set FROM fresh WHERE key IS NOT NULL GROUP BY id, key
    ), superseded AS MATERIALIZED (
      SELECT k.topic, k.key, k.bytes, is_set FROM touched JOIN keys k ON k.topic = touched.id AND k.key = touched.key
    ), unset AS (
      DELETE FROM keys k USING superseded s WHERE NOT s.is_set AND k.topic = s.topic AND k.key = s.key
    ), set AS (
      INSERT INTO keys SELECT id, key, seq, bytes FROM fresh WHERE is_newest
      ON CONFLICT (topic, key) DO UPDATE SET seq = excluded.seq, bytes = excluded.bytes
    ), changes AS (
      SELECT id, (NOT is_newest)::integer AS count, CASE WHEN is_newest THEN 0 ELSE bytes END AS bytes,
        is_newest::integer AS keys, CASE WHEN is_newest THEN bytes + octet_length(key) + 64 ELSE 0 END AS state_bytes,
        seq, CASE WHEN is_end THEN seq END AS ended
      FROM fresh
      UNION ALL SELECT topic, 1, bytes, -1, -bytes - octet_length(key) - 64, 0, NULL FROM superseded
    ), sums AS (
      SELECT id, sum(count) AS count, sum(bytes) AS bytes, sum(keys) AS keys, sum(state_bytes) AS state_bytes,
        max(seq) AS newest, max(ended) AS ended
      FROM changes GROUP BY id
    )
    UPDATE topics t SET count = t.count + s.count, bytes = t.bytes + s.bytes, keys = t.keys + s.keys,
      state_bytes = t.state_bytes + s.state_bytes, newest = s.newest, ended = coalesce(s.ended, t.ended)
    FROM sums s WHERE t.id = s.id;

    IF has_answers THEN
      WITH saved AS (
        INSERT INTO answers AS a
          SELECT topic, idempotency_key, places[n], now_ms
          FROM unnest(events) WITH ORDINALITY
            AS e (topic, type, key, data, is_removal, is_end, idempotency_key, traceparent, tracestate, n)
          WHERE idempotency_key IS NOT NULL AND NOT repeats[n]
        -- An answer whose window is over, and that was not removed yet.
        ON CONFLICT (topic, key) DO UPDATE SET seq = excluded.seq, time = excluded.time
        RETURNING a.topic, a.key, xmax = 0 AS is_new
      )
      INSERT INTO answered AS a SELECT topic, sum(octet_length(key) + 64) FROM saved WHERE is_new GROUP BY topic
      ON CONFLICT (topic) DO UPDATE SET bytes = a.bytes + excluded.bytes;
    END IF;

    PERFORM pg_notify('tailrace_' || current_schema(), '');
  END
  $$;

  -- Stores the batches of a node in one transaction. sizes are the numbers of events of each batch; data is that of all
  -- events, one after the other. A batch that is refused does not affect the others.
  CREATE FUNCTION append(
    expected_epoch text, now_ms bigint, sizes integer[], data bytea, starts integer[], lengths integer[],
    topics text[], types text[], keys text[], are_removals boolean[], are_ends boolean[], idempotency_keys text[],
    traceparents text[], tracestates text[]
  ) RETURNS json LANGUAGE plpgsql AS $$
  DECLARE
    events new_event[] := ARRAY(
      SELECT ROW(
        topic, type, key, substring(data FROM start + 1 FOR length), is_removal, is_end, idempotency_key, traceparent,
        tracestate
      )::new_event
      FROM unnest(
        topics, types, keys, starts, lengths, are_removals, are_ends, idempotency_keys, traceparents, tracestates
      ) WITH ORDINALITY AS e (
        topic, type, key, start, length, is_removal, is_end, idempotency_key, traceparent, tracestate, n
      ) ORDER BY n
    );
    at bigint;
    stored record;
    places bigint[] := '{}';
    repeats boolean[] := '{}';
    refused integer[] := '{}';
    first integer := 1;
    size integer;
  BEGIN
    PERFORM enter(expected_epoch);
    at := coalesce(now_ms, clock());
    SELECT * INTO stored FROM store(events, at);
    IF stored.refused IS NULL THEN
      RETURN json_build_object('places', stored.places, 'repeats', stored.repeats, 'refused', '[]'::json);
    END IF;
    FOREACH size IN ARRAY sizes LOOP
      SELECT * INTO stored FROM store(events[first:first + size - 1], at);
      places := places || stored.places;
      repeats := repeats || stored.repeats;
      refused := refused || stored.refused;
      first := first + size;
    END LOOP;
    RETURN json_build_object('places', places, 'repeats', repeats, 'refused', refused);
  END
  $$;

  -- Removes a topic, and leaves its events to retention. Returns the number of the purge; null if nothing is retained.
  CREATE FUNCTION purge(expected_epoch text, topic_name text) RETURNS bigint LANGUAGE plpgsql AS $$
  DECLARE
    topic record;
    number bigint;
  BEGIN
    PERFORM enter(expected_epoch);
    SELECT id, newest INTO topic FROM topics WHERE name = topic_name AND NOT is_purged AND count + keys > 0;
    IF NOT FOUND THEN
      RETURN NULL;
    END IF;
    UPDATE topics SET is_purged = true WHERE id = topic.id;
    UPDATE log SET losses = losses + 1;
    INSERT INTO topics (name, newest, trimmed, lost_at)
      SELECT topic_name, topic.newest, topic.newest, losses FROM log;
    INSERT INTO purges (seq, topic) VALUES (newest(), topic_name) RETURNING n INTO number;
    PERFORM pg_notify('tailrace_' || current_schema(), '');
    RETURN number;
  END
  $$;
`
