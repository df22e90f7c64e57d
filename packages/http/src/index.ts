export { createAppGate, type AppGateOptions, type Authorization } from './app-gate.ts'
export type { Call, StreamRequest } from './call.ts'
export { textOf } from './cursor-text.ts'
export { tailraceDialect } from './dialect.ts'
export type { ServeHistoryOptions } from './app/history.ts'
export type { ServeStreamOptions } from './app/one-off.ts'
export type { ServePublishOptions } from './app/publish.ts'
export type { ServeOptions } from './app/stream.ts'
export { HttpError, STATUS, type HttpErrorCode, type HttpErrorInit, type ProblemCode } from './errors.ts'
export type { Exchange, HeaderFields, RequestHead } from './exchange.ts'
export type { Admission, Answer, Client, Facts, Gate, Use } from './gate.ts'
export { parseHistoryQuery } from './history-query.ts'
export { parseStart } from '@tailrace/hub'
export { plainDialect, type FailureEvent, type PlainDialectOptions } from './plain-dialect.ts'
export {
  keepFurthest,
  onlyProcess,
  type Ended,
  type Ending,
  type Processes,
  type StreamList,
  type StreamRights,
} from './processes.ts'
export { createProtocol, type ProtocolOptions } from './protocol.ts'
export { refuseUnknown } from './query.ts'
export type { Route } from './route-table.ts'
export { STREAM_HEADERS } from './stream-headers.ts'
export { parseSelectorList, parseSubscription } from './subscription.ts'
export { TAILRACE_ROUTES } from './tailrace-routes.ts'
export { topicOf } from './target.ts'
