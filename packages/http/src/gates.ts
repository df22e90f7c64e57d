export { Budget, MEMORY_LIMITS, type MemoryLimit } from './budget.ts'
export { corsHeaders } from './cors.ts'
export type { IssuedTicket, Revoked } from './gate.ts'
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
