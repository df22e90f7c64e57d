// Shared by all logs, for authors of another one (docs/guides/writing-a-log.md).
export { compareCodePoints } from './code-points.ts'
export { mintEpoch, mintSecret } from './cursor.ts'
export { Durability, type DurabilityOptions } from './durability.ts'
export { refusalOf, topicEnded, type Refusal } from './end-of-topic.ts'
export { EngineConnection, type EngineConnectionOptions, type Session } from './engine-connection.ts'
export {
  parseEngineUrl,
  parseHost,
  refuseUrl,
  requireEncoded,
  withoutCredentials,
  type EngineUrl,
  type HostAndPort,
} from './engine-url.ts'
export { keepTrying, type KeepTryingOptions } from './keep-trying.ts'
export { plain, revive, type PlainError } from './plain-error.ts'
export { expire, ruleFor, type Candidate, type Holdings } from './retention.ts'
export { Selection } from './selection.ts'
export { TailListeners } from './tail-listeners.ts'
export { within } from './within.ts'
