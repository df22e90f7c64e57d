export { READ_ONLY_GATE } from './app-gate.ts'
export { Budget, MEMORY_LIMITS, type MemoryLimit } from './budget.ts'
export { corsHeaders } from './cors.ts'
export { OPEN_GATE, type IssuedTicket, type Revoked } from './gate.ts'
export {
  isAllowed,
  isLoopback,
  isOwnPage,
  requireKnownOrigin,
  requireLoopbackHost,
  requireReadableOrigin,
  type OriginRules,
} from './origins.ts'
export { createSeal, type Seal } from './seal.ts'
