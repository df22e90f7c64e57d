export { capabilityOf } from './capability.ts'
export { formatCursor, MAX_CURSOR_LENGTH, parseCursor, type Cursor } from './cursor.ts'
export { isPassing, LogError, type LogErrorCode, type LogErrorDetails } from './errors.ts'
export {
  IDEMPOTENCY_WINDOW_MS,
  type Appended,
  type Capability,
  type CompleteEventLog,
  type EventLog,
  type LogDescription,
  type NewEvent,
  type Note,
  type NoteQuery,
  type Page,
  type Query,
  type Retention,
  type SharedState,
  type SnapshotReader,
  type StoredEvent,
  type Tail,
  type TailListener,
  type TopicIndex,
  type TopicQuery,
  type TopicSummary,
  type TraceContext,
} from './event-log.ts'
export {
  createMemoryEngine,
  createMemoryLog,
  type MemoryEngine,
  type MemoryLogOptions,
} from './memory-log.ts'
export { openLog, shownLog, type LogOptions } from './open-log.ts'
export { openReopeningLog } from './reopening-log.ts'
export type { RetentionRule } from './retention.ts'
export { coveredBy } from './covered-by.ts'
export { isPattern, literalPrefix, matches, parseSelector } from './selector.ts'
export { openSqliteLog, type SqliteLogOptions } from './sqlite-log.ts'
export { MAX_TOPIC_BYTES, parseTopic } from './topic.ts'
