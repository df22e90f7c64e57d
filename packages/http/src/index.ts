export { tailraceDialect } from './dialect.ts'
export {
  HttpError,
  STATUS,
  type HttpErrorCode,
  type HttpErrorInit,
  type ProblemCode,
  type ProblemDetails,
} from './errors.ts'
export { toEnvelope } from './frame.ts'
export { parseHistoryQuery } from './history-query.ts'
export { parseConnectionLimit, parseTopicQuery } from './listing.ts'
export { refuseUnknown, single } from './query.ts'
export { quote } from './quote.ts'
export { parseSelectorList, parseStart, parseSubscription } from './subscription.ts'
export { textOf } from './cursor-text.ts'
export { parseTraceContext } from './trace.ts'
