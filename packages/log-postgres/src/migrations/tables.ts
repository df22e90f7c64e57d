/**
 * The tables of a log. All text sorts by code point, which is the order of UTF-8 bytes. Data is `bytea`, because
 * `text` cannot hold U+0000. Statements run with the schema of the log as their search path.
 */
export const TABLES = `
  -- One row.
  CREATE TABLE log (
    version         integer NOT NULL,
    epoch           text NOT NULL,
    secret          text NOT NULL,
    -- Where the log lives: a dump restored elsewhere, or a copy of the database, is another log.
    origin          text NOT NULL,
    -- When the server started that last changed the log: the same as in the newest row of terms.
    server_started  timestamptz NOT NULL,
    -- The largest seq that was removed.
    removed_through bigint NOT NULL DEFAULT 0,
    -- The largest seq that was removed, and that tails cannot read from "removed" either.
    missing_through bigint NOT NULL DEFAULT 0,
    -- How often anything was removed.
    losses          bigint NOT NULL DEFAULT 0,
    -- The largest "trimmed" of a topic whose row is gone, and what losses was then: bounds for topics without a row.
    floor           bigint NOT NULL DEFAULT 0,
    floor_at        bigint NOT NULL DEFAULT 0
  );

  -- Has no rows: its lock is the turn to change the log.
  CREATE TABLE turn ();

  -- One row for each life of a server in which the log changed: "since" was its newest seq at the beginning. A node
  -- that has seen more in an earlier term than the next one began with knows that the log went back in time.
  CREATE TABLE terms (
    n              integer PRIMARY KEY,
    server_started timestamptz NOT NULL,
    timeline       text NOT NULL,
    since          bigint NOT NULL,
    -- A node that was connected before found that nothing is missing.
    is_vouched     boolean NOT NULL
  );

  -- The seq given last. A sequence, although only one transaction at a time advances it, because it never fails with a
  -- serialization error, and because what it gave is not given again after a rollback.
  CREATE SEQUENCE seqs MINVALUE 0 START 0;

  -- count and bytes are of what retention may remove: all but the newest event of each key. A purged topic keeps its
  -- row until its events are removed, next to the row of the topic that takes its name.
  CREATE TABLE topics (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text COLLATE "C" NOT NULL,
    is_purged   boolean NOT NULL DEFAULT false,
    count       bigint NOT NULL DEFAULT 0,
    bytes       bigint NOT NULL DEFAULT 0,
    keys        bigint NOT NULL DEFAULT 0,
    state_bytes bigint NOT NULL DEFAULT 0,
    newest      bigint NOT NULL,
    trimmed     bigint NOT NULL,
    lost_at     bigint NOT NULL,
    ended       bigint
  ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
  CREATE UNIQUE INDEX topics_by_name ON topics (name) WHERE NOT is_purged;
  CREATE INDEX topics_by_loss ON topics (lost_at, id) WHERE lost_at > 0;

  -- Rows are inserted and deleted, and never updated.
  CREATE TABLE events (
    seq         bigint PRIMARY KEY,
    topic       bigint NOT NULL,
    time        bigint NOT NULL,
    type        text,
    key         text,
    data        bytea NOT NULL,
    is_removal  boolean NOT NULL,
    is_end      boolean NOT NULL,
    traceparent text,
    tracestate  text
  ) WITH (autovacuum_vacuum_scale_factor = 0.02);
  CREATE UNIQUE INDEX events_by_topic ON events (topic, seq);

  -- The newest event of each key, and the bytes of its data.
  CREATE TABLE keys (
    topic bigint NOT NULL,
    key   text COLLATE "C" NOT NULL,
    seq   bigint NOT NULL,
    bytes bigint NOT NULL,
    PRIMARY KEY (topic, key)
  ) WITH (autovacuum_vacuum_scale_factor = 0.05);
  CREATE UNIQUE INDEX keys_by_seq ON keys (seq);
  CREATE UNIQUE INDEX keys_by_topic ON keys (topic, seq);

  -- By name, not by topic: an answer outlives the purge of its topic.
  CREATE TABLE answers (
    topic text COLLATE "C" NOT NULL,
    key   text COLLATE "C" NOT NULL,
    seq   bigint NOT NULL,
    time  bigint NOT NULL,
    PRIMARY KEY (topic, key)
  ) WITH (autovacuum_vacuum_scale_factor = 0.05);
  CREATE INDEX answers_by_time ON answers (time);
  CREATE INDEX answers_by_topic ON answers (topic, time);
  -- The bytes of the answers of each topic.
  CREATE TABLE answered (topic text COLLATE "C" PRIMARY KEY, bytes bigint NOT NULL) WITH (fillfactor = 50);

  -- Purges, in their order. Each comes after the event with its seq, and before the next one.
  CREATE TABLE purges (
    n     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    seq   bigint NOT NULL,
    topic text NOT NULL,
    at    timestamptz NOT NULL DEFAULT now()
  );

  -- What retention removed within a minute of its commit, for tails of other nodes that have not read it yet.
  CREATE TABLE removed (LIKE events INCLUDING INDEXES, name text NOT NULL);
  -- The newest seq at some times, by which retention knows what was committed within the last minute.
  CREATE TABLE marks (seq bigint NOT NULL, at timestamptz NOT NULL);

  -- is_first: of the calls that noted the key, the last one was the first.
  CREATE TABLE notes (key text COLLATE "C" PRIMARY KEY, until bigint NOT NULL, is_first boolean NOT NULL);
  CREATE INDEX notes_by_until ON notes (until);

  -- The node at work on retention. probe counts checks of whether a commit reaches the disk.
  CREATE TABLE lease (holder text NOT NULL, until timestamptz NOT NULL, probe bigint NOT NULL);
  INSERT INTO lease VALUES ('', '-infinity', 0);

  CREATE TYPE new_event AS (
    topic text, type text, key text, data bytea, is_removal boolean, is_end boolean,
    idempotency_key text, traceparent text, tracestate text
  );

  -- What a transaction has published, until it commits. No row outlives its transaction, so none has to survive a crash.
  -- count and bytes are of all events of the transaction up to this one.
  CREATE UNLOGGED TABLE staged (
    xact  xid8 NOT NULL,
    n     bigint GENERATED ALWAYS AS IDENTITY,
    count integer NOT NULL,
    bytes bigint NOT NULL,
    event new_event NOT NULL,
    PRIMARY KEY (xact, n)
  ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
`
