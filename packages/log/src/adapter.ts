// Shared by all logs, for authors of another one (docs/guides/writing-a-log.md).
export { compareCodePoints } from './code-points.ts'
export { mintEpoch, mintSecret } from './cursor.ts'
export { refusalOf, topicEnded, type Refusal } from './end-of-topic.ts'
export { expire, ruleFor, type Candidate, type Holdings } from './retention.ts'
export { Selection } from './selection.ts'
export { TailListeners } from './tail-listeners.ts'
