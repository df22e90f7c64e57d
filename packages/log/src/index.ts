export { formatCursor, MAX_CURSOR_LENGTH, mintEpoch, parseCursor, type Cursor } from './cursor.ts'
export { LogError, type LogErrorCode, type LogErrorDetails } from './errors.ts'
export {
  IDEMPOTENCY_WINDOW_MS,
  type Appended,
  type EventLog,
  type LogDescription,
  type NewEvent,
  type Note,
  type NoteQuery,
  type Page,
  type Query,
  type StoredEvent,
  type Tail,
  type TailListener,
  type TopicQuery,
  type TopicSummary,
  type TraceContext,
} from './event-log.ts'
export { createMemoryLog, type MemoryLogOptions } from './memory-log.ts'
export type { RetentionRule } from './retention.ts'
export { coveredBy } from './covered-by.ts'
export { isPattern, literalPrefix, matches, parseSelector } from './selector.ts'
export { openSqliteLog, type SqliteLogOptions } from './sqlite-log.ts'
export { MAX_TOPIC_BYTES, parseTopic } from './topic.ts'
