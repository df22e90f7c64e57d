export type { SnapshotEvent } from './app-snapshot.ts'
export type { Connection, Reader, StreamState } from './connection.ts'
export { networkOf } from './network.ts'
export type { ContentCoding, SharedCoding } from './content-coding.ts'
export type { CloseReason, Counters } from './counters.ts'
export { createHub, type CreateHubOptions } from './create-hub.ts'
export type { Dialect } from './dialect.ts'
export { HubError, type HubErrorCode, type HubErrorDetails } from './errors.ts'
export type { FollowedEvent, FollowOptions } from './follow.ts'
export type { Gap, GapReason } from './gap.ts'
export {
  MAX_HISTORY_LIMIT,
  MAX_WAIT_SECONDS,
  type History,
  type HistoryPage,
  type HistoryQuery,
} from './history.ts'
export type { Hub, Published } from './hub.ts'
export type { Histogram } from './histogram.ts'
export { parseStart, type Start } from './locate.ts'
export {
  DEFAULT_HEARTBEAT_MS,
  DEFAULT_MAX_BATCH_BYTES,
  DEFAULT_MAX_BATCH_EVENTS,
  DEFAULT_MAX_EVENT_BYTES,
  DEFAULT_RETRY_MS,
  DEFAULT_STALL_MS,
  DEFAULT_WINDOW_BYTES,
  type HubOptions,
} from './options.ts'
export { Payload } from './payload.ts'
export type { PeerAddress, Peers } from './peers.ts'
export { ReportRate } from './report-rate.ts'
export { MAX_HANDED_BYTES, type Sink, type SinkListener } from './sink.ts'
export { StreamFailure, type StreamFailureCode } from './streams/failure.ts'
export { failureOf, STREAM_DONE, STREAM_FAILED, STREAM_OPENED } from './streams/records.ts'
export type {
  FoundStream,
  StreamOptions,
  StreamStatus,
  StreamWriter,
  WriteOptions,
} from './streams/stream-writer.ts'
export type { TopicEvent } from './topic-event.ts'
export type { GapPolicy, Subscription } from './subscription.ts'
