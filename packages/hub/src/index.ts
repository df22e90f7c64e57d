export type { Connection, Reader, StreamState } from './connection.ts'
export type { Gap, GapReason } from './control.ts'
export type { CloseReason, Counters } from './counters.ts'
export { HubError, type HubErrorCode, type HubErrorDetails } from './errors.ts'
export { parseHistoryQuery, type History, type HistoryQuery } from './history.ts'
export { createHub, type Hub, type Published } from './hub.ts'
export type { Histogram } from './histogram.ts'
export { parseConnectionLimit, parseTopicQuery } from './listing.ts'
export {
  DEFAULT_HEARTBEAT_MS,
  DEFAULT_MAX_BATCH_BYTES,
  DEFAULT_MAX_BATCH_EVENTS,
  DEFAULT_MAX_EVENT_BYTES,
  DEFAULT_RETRY_MS,
  DEFAULT_WINDOW_BYTES,
  type HubOptions,
} from './options.ts'
export { Payload } from './payload.ts'
export type { PeerAddress, Peers } from './peers.ts'
export { refuseUnknown, single } from './query.ts'
export { quote } from './quote.ts'
export { MAX_HANDED_BYTES, type Sink, type SinkListener } from './sink.ts'
export { parseTraceContext } from './trace.ts'
export {
  MAX_SELECTORS,
  parseSelectorList,
  parseSubscription,
  type GapPolicy,
  type Subscription,
} from './subscription.ts'
