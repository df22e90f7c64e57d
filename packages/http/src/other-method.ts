import { preflightHeaders } from './cors.ts'
import { HttpError } from './errors.ts'
import type { Exchange } from './exchange.ts'

/**
 * Answers a request whose method is none of those that are served there: `OPTIONS` with a list of them.
 *
 * @throws HttpError `method-not-allowed` for every other method
 */
export function answerOtherMethod(exchange: Exchange, methods: readonly string[]): void {
  const allowed = [...(methods.includes('GET') ? ['HEAD'] : []), ...methods, 'OPTIONS'].join(', ')
  if (exchange.method !== 'OPTIONS') {
    const message = `This method is not allowed here: use ${allowed}.`
    throw new HttpError('method-not-allowed', message, { headers: { Allow: allowed } })
  }
  const isPreflight = exchange.header('access-control-request-method') !== undefined
  exchange.answer(204, { Allow: allowed, ...(isPreflight ? preflightHeaders(allowed) : {}) })
}
