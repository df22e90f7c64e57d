export type { EventStoreBounds } from './bounds.ts'
export { EventStoreError, type EventStoreErrorCode } from './errors.ts'
export { createEventStore, type EventStoreOptions, type SessionEventStore } from './event-store.ts'
