// The SQLite log's own parts, for a log that keeps an index of other records in SQLite. Not a public API.
export { fileOf, lock, openForWriting, toLogError, transaction, type Format } from './sqlite/database.ts'
export { createEventTable, type BatchResult } from './sqlite/event-table.ts'
export { createNoteTable } from './sqlite/note-table.ts'
export { openReader, type Reader } from './sqlite/reader.ts'
export { MIGRATIONS, RECORD_OVERHEAD, STATE_OVERHEAD } from './sqlite/schema.ts'
export { serve } from './sqlite/serve.ts'
export { Threads } from './sqlite/threads.ts'
export { createLossCounter, createTopicTable, PURGED_PREFIX, type TopicTable } from './sqlite/topic-table.ts'
