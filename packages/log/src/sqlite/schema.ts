import type { DatabaseSync } from 'node:sqlite'
import { mintEpoch, mintSecret } from '../cursor.ts'

/** Marks a file as a Tailrace log (`PRAGMA application_id`): the bytes of "trce". */
export const APPLICATION_ID = 0x74726365

/** The size of an answer and of the newest event of a key in addition to their text: about the size of their rows. */
export const RECORD_OVERHEAD = 64
export const STATE_OVERHEAD = 64

/**
 * Each entry migrates the schema from the version of its index to the next; `PRAGMA user_version` counts them. An
 * entry that was released is never edited: a change is a new entry.
 */
export const MIGRATIONS: readonly ((db: DatabaseSync) => void)[] = [
  (db) => {
    db.exec(`
      CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;

      -- count and bytes are of what retention may remove: all but the newest event of each key.
      CREATE TABLE topics (
        id      INTEGER PRIMARY KEY,
        name    TEXT NOT NULL UNIQUE,
        count   INTEGER NOT NULL,
        bytes   INTEGER NOT NULL,
        newest  INTEGER NOT NULL,
        trimmed INTEGER NOT NULL,
        ended   INTEGER
      ) STRICT;

      CREATE TABLE events (
        offset    INTEGER PRIMARY KEY,
        topic     INTEGER NOT NULL,
        time      INTEGER NOT NULL,
        type      TEXT,
        key       TEXT,
        data      TEXT NOT NULL,
        bytes     INTEGER NOT NULL,
        is_end    INTEGER NOT NULL,
        is_newest INTEGER NOT NULL
      ) STRICT;
      CREATE INDEX events_by_topic ON events (topic, offset);
      CREATE UNIQUE INDEX newest_by_key ON events (topic, key) WHERE is_newest = 1;
      CREATE INDEX newest_by_topic ON events (topic, offset) WHERE is_newest = 1;
      CREATE INDEX newest_by_offset ON events (offset) WHERE is_newest = 1;

      -- By name, not by topic id: an answer outlives the purge of its topic.
      CREATE TABLE answers (
        topic  TEXT NOT NULL,
        key    TEXT NOT NULL,
        offset INTEGER NOT NULL,
        time   INTEGER NOT NULL,
        PRIMARY KEY (topic, key)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX answers_by_time ON answers (time);
    `)
    const insert = db.prepare('INSERT INTO meta (name, value) VALUES (?, ?)')
    insert.run('epoch', mintEpoch())
    // The largest offset ever given; an offset is not given twice, even when its event is gone.
    insert.run('newest', 0)
    // The largest `trimmed` of a topic whose row is gone: a bound for every topic that has no row.
    insert.run('floor', 0)
    insert.run('probe', 0)
  },
  (db) => {
    db.prepare('INSERT INTO meta (name, value) VALUES (?, ?)').run('secret', mintSecret())
  },
  (db) => {
    db.exec(`
      ALTER TABLE events ADD COLUMN traceparent TEXT;
      ALTER TABLE events ADD COLUMN tracestate TEXT;
    `)
  },
  (db) => {
    // What `losses` was when a topic last lost something.
    db.exec('ALTER TABLE topics ADD COLUMN lost_at INTEGER NOT NULL DEFAULT 0')
    const insert = db.prepare('INSERT INTO meta (name, value) VALUES (?, ?)')
    // How often anything was removed; and what that was when the floor last rose.
    insert.run('losses', 0)
    insert.run('floor_at', 0)
  },
  (db) => {
    // How many transactions have changed the log: a copy that is put in its place has seen fewer.
    db.prepare('INSERT INTO meta (name, value) VALUES (?, ?)').run('commits', 0)
    db.exec(`
      -- The size of the newest event of each key, which retention bounds apart from what came before it.
      ALTER TABLE topics ADD COLUMN state_bytes INTEGER NOT NULL DEFAULT 0;
      UPDATE topics SET state_bytes = (
        SELECT ifnull(sum(bytes + octet_length(key) + ${STATE_OVERHEAD}), 0) FROM events INDEXED BY newest_by_topic
        WHERE topic = topics.id AND is_newest = 1
      );

      -- Those of topics whose size is bounded: an index by topic is too dear for all of them.
      ALTER TABLE answers ADD COLUMN is_bounded INTEGER NOT NULL DEFAULT 0;
      CREATE INDEX bounded_answers ON answers (topic, time) WHERE is_bounded = 1;
      CREATE TABLE answered (topic TEXT PRIMARY KEY, bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;
      -- None for what is added: the writer counts that itself, at less cost.
      CREATE TRIGGER answer_removed AFTER DELETE ON answers WHEN OLD.is_bounded = 1 BEGIN
        UPDATE answered SET bytes = bytes - octet_length(OLD.key) - ${RECORD_OVERHEAD} WHERE topic = OLD.topic;
        DELETE FROM answered WHERE topic = OLD.topic AND bytes = 0;
      END;
    `)
  },
  (db) => {
    db.exec(`
      CREATE TABLE notes (key TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
      CREATE INDEX notes_by_until ON notes (until);
    `)
  },
  (db) => {
    // Each removal gives its topic the largest `lost_at`: a reader looks only at those behind where it was.
    db.exec('CREATE INDEX topics_by_loss ON topics (lost_at) WHERE lost_at > 0')
  },
  (db) => {
    db.exec(`
      -- An event that removes its key is history from the start: it is never the newest of its key.
      ALTER TABLE events ADD COLUMN is_removal INTEGER NOT NULL DEFAULT 0;
      -- How many keys a topic has: the events that count does not include.
      ALTER TABLE topics ADD COLUMN keys INTEGER NOT NULL DEFAULT 0;
      UPDATE topics SET keys = (
        SELECT count(*) FROM events INDEXED BY newest_by_topic WHERE topic = topics.id AND is_newest = 1
      );
    `)
  },
  (db) => {
    // The key comes first: those of a producer that counts then follow each other, whatever their topics, and a commit
    // writes one page of them instead of one for each topic.
    db.exec(`
      ALTER TABLE answers RENAME TO answers_by_topic;
      CREATE TABLE answers (
        topic      TEXT NOT NULL,
        key        TEXT NOT NULL,
        offset     INTEGER NOT NULL,
        time       INTEGER NOT NULL,
        is_bounded INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (key, topic)
      ) STRICT, WITHOUT ROWID;
      INSERT INTO answers SELECT topic, key, offset, time, is_bounded FROM answers_by_topic ORDER BY key, topic;
      -- Its indexes and its trigger are dropped with it.
      DROP TABLE answers_by_topic;
      CREATE INDEX answers_by_time ON answers (time);
      CREATE INDEX bounded_answers ON answers (topic, time) WHERE is_bounded = 1;
      CREATE TRIGGER answer_removed AFTER DELETE ON answers WHEN OLD.is_bounded = 1 BEGIN
        UPDATE answered SET bytes = bytes - octet_length(OLD.key) - ${RECORD_OVERHEAD} WHERE topic = OLD.topic;
        DELETE FROM answered WHERE topic = OLD.topic AND bytes = 0;
      END;
    `)
  },
]
