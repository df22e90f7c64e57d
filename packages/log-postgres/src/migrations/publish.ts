/**
 * Publishing from the transactions of applications. `publish` checks and stages; a deferred trigger moves what was
 * staged into the log at the commit, so that only commits wait for each other, and not transactions. Both run as the
 * owner of the log, with its search path: an application needs no right to any table.
 */
export const PUBLISH = `
  -- Why a topic is invalid, as the rest of a sentence. The same rules as in parseTopic.
  CREATE FUNCTION flaw_of_topic(name text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
      WHEN name IS NULL OR name = '' THEN 'is empty'
      WHEN octet_length(name) > 256 THEN 'is longer than 256 bytes'
      WHEN name ~ '[\\u0001-\\u001f\\u007f-\\u009f]' THEN 'contains a control character'
      WHEN '/' || name || '/' LIKE '%//%' THEN 'has an empty segment: check for a leading, trailing or double slash'
      WHEN '/' || name || '/' LIKE '%/./%' THEN 'has the segment ., which a URL cannot express'
      WHEN '/' || name || '/' LIKE '%/../%' THEN 'has the segment .., which a URL cannot express'
      WHEN position('*' IN name) > 0 THEN 'contains a *, which is allowed only in selectors'
    END
  $$;

  -- Why a text that becomes a line of a stream is invalid.
  CREATE FUNCTION flaw_of_name(name text, max_bytes integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
      WHEN name = '' THEN 'is empty: leave it out instead'
      WHEN octet_length(name) > max_bytes THEN 'is longer than ' || max_bytes || ' bytes'
      WHEN name ~ '[\\r\\n]' THEN 'contains a CR or LF, which could forge a frame'
    END
  $$;

  CREATE FUNCTION publish(
    topic text, data text, type text DEFAULT NULL, key text DEFAULT NULL, remove boolean DEFAULT false,
    "end" boolean DEFAULT false, idempotency_key text DEFAULT NULL, traceparent text DEFAULT NULL,
    tracestate text DEFAULT NULL
  ) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
    SET enable_seqscan = off SET enable_bitmapscan = off AS $$
  DECLARE
    total record;
    flaw text := coalesce(
      'topic ' || flaw_of_topic(topic),
      'type ' || flaw_of_name(type, 256),
      CASE WHEN starts_with(type, 'tailrace.') THEN 'type starts with tailrace., which is reserved for the hub' END,
      'key ' || flaw_of_name(key, 256),
      'idempotency key ' || flaw_of_name(idempotency_key, 256),
      'traceparent ' || flaw_of_name(traceparent, 512),
      'tracestate ' || flaw_of_name(tracestate, 512),
      CASE
        WHEN data IS NULL THEN 'data is null: publish an empty text instead'
        WHEN octet_length(data) > 1048576 THEN
          'data has ' || octet_length(data) || ' bytes, but at most 1048576 are allowed'
        WHEN remove AND key IS NULL THEN 'event removes a key and has none: give it the key to remove'
        WHEN tracestate IS NOT NULL AND traceparent IS NULL THEN 'tracestate has no traceparent'
      END
    );
  BEGIN
    IF flaw IS NOT NULL THEN
      RAISE EXCEPTION 'The %.', flaw USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- At each call, because what is staged uses the disk, and the commit moves all of it while others wait.
    SELECT s.count, s.bytes INTO total FROM staged s WHERE s.xact = pg_current_xact_id() ORDER BY s.n DESC LIMIT 1;
    total.count := coalesce(total.count, 0) + 1;
    total.bytes := coalesce(total.bytes, 0) + octet_length(data);
    IF total.count > 10000 OR total.bytes > 33554432 THEN
      RAISE EXCEPTION 'A transaction can publish 10000 events, and 33554432 bytes of data: split this one.'
        USING ERRCODE = 'program_limit_exceeded';
    END IF;
    INSERT INTO staged (xact, count, bytes, event) VALUES (pg_current_xact_id(), total.count, total.bytes, ROW(
      topic, type, key, convert_to(data, 'UTF8'), coalesce(remove, false), coalesce("end", false), idempotency_key,
      traceparent, tracestate
    ));
  END
  $$;

  CREATE FUNCTION publish(
    topic text, data jsonb, type text DEFAULT NULL, key text DEFAULT NULL, remove boolean DEFAULT false,
    "end" boolean DEFAULT false, idempotency_key text DEFAULT NULL, traceparent text DEFAULT NULL,
    tracestate text DEFAULT NULL
  ) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    SELECT publish(topic, data::text, type, key, remove, "end", idempotency_key, traceparent, tracestate)
  $$;

  CREATE FUNCTION move_staged() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
  DECLARE
    events new_event[];
    refused integer;
  BEGIN
    -- The first of the transaction's events has moved all of them.
    IF NOT EXISTS (SELECT FROM staged WHERE xact = NEW.xact AND n = NEW.n) THEN
      RETURN NULL;
    END IF;
    WITH moved AS (DELETE FROM staged WHERE xact = pg_current_xact_id() RETURNING n, event)
      SELECT array_agg(event ORDER BY n) INTO events FROM moved;
    -- An event is as durable as the log says, whatever the session has set. Readers may have it once it is committed.
    IF current_setting('synchronous_commit') IN ('off', 'local') THEN
      PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    -- After SET CONSTRAINTS ALL IMMEDIATE, the transaction goes on, and everybody waits for it.
    IF current_setting('idle_in_transaction_session_timeout')::interval NOT BETWEEN '1 ms' AND '10 s' THEN
      PERFORM set_config('idle_in_transaction_session_timeout', '10s', true);
    END IF;
    -- Also if all events are repeats: a transaction that notifies cannot be prepared, and so keep its turn.
    PERFORM pg_notify('tailrace_' || current_schema(), '');
    PERFORM enter(NULL);
    refused := (SELECT s.refused FROM store(events, clock()) s);
    IF refused IS NOT NULL THEN
      RAISE EXCEPTION 'The topic % has ended: nothing can follow its last event.', (events[refused]).topic
        USING ERRCODE = 'TR001';
    END IF;
    RETURN NULL;
  END
  $$;

  CREATE CONSTRAINT TRIGGER move_at_commit AFTER INSERT ON staged DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION move_staged();
  -- Also in sessions that replicate, or restore data, with other triggers off.
  ALTER TABLE staged ENABLE ALWAYS TRIGGER move_at_commit;
`
