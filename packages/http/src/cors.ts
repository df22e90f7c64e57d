import type { HeaderFields } from './exchange.ts'
import { isAllowed } from './origins.ts'
import type { OriginRules } from './origins.ts'

/**
 * How long a browser may cache the response to a preflight, in seconds. Chromium caches it for at most two
 * hours anyway.
 */
const PREFLIGHT_MAX_AGE_S = 7_200

const REQUEST_HEADERS = [
  'Authorization',
  'Content-Type',
  'Event-End',
  'Event-Key',
  'Event-Remove',
  'Event-Type',
  'Idempotency-Key',
  'Last-Event-ID',
  // Instrumented pages send these.
  'Traceparent',
  'Tracestate',
].join(', ')

const NONE: HeaderFields = {}

/**
 * Headers that let a page of an allowed origin read the response (WHATWG Fetch, "CORS protocol"). Never
 * credentials with `*`.
 */
export function corsHeaders(rules: OriginRules, origin: string | undefined): HeaderFields {
  if (rules.allowed.length === 0) return NONE
  if (origin === undefined || !isAllowed(rules, origin)) return { Vary: 'Origin' }
  const isListed = rules.allowed.includes(origin)
  return isListed
    ? { 'Access-Control-Allow-Origin': origin, 'Access-Control-Allow-Credentials': 'true', Vary: 'Origin' }
    : { 'Access-Control-Allow-Origin': '*' }
}

/** The headers that the response to a preflight needs in addition to {@link corsHeaders}. */
export function preflightHeaders(methods: string): HeaderFields {
  return {
    'Access-Control-Allow-Methods': methods,
    'Access-Control-Allow-Headers': REQUEST_HEADERS,
    'Access-Control-Max-Age': String(PREFLIGHT_MAX_AGE_S),
  }
}
