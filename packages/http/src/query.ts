import { HttpError } from './errors.ts'
import { quote } from './quote.ts'

/** Refuses unknown parameters: a typo must not be mistaken for a default. */
export function refuseUnknown(query: URLSearchParams, known: ReadonlySet<string>): void {
  if (query.size === 0) return
  for (const name of query.keys()) {
    if (known.has(name)) continue
    const choice = known.size === 0 ? 'none are known' : `known are ${[...known].join(', ')}`
    throw invalid(quote(name).slice(1, -1), `Unknown parameter ${quote(name)}: ${choice}.`)
  }
}

/** The value of a parameter that may be given once. */
export function single(query: URLSearchParams, name: string): string | undefined {
  const values = query.getAll(name)
  if (values.length > 1) throw invalid(name, `The parameter ${name} must not be given more than once.`)
  return values[0]
}

/** The value of a parameter that has a fixed set of values. */
export function oneOf<T extends string>(
  query: URLSearchParams,
  name: string,
  choice: readonly T[],
): T | undefined {
  const value = single(query, name)
  const known = choice.find((one) => one === value)
  if (value !== undefined && known === undefined) {
    throw invalid(name, `The parameter ${name} must be ${choice.join(' or ')}, not ${quote(value)}.`)
  }
  return known
}

/** The value of an optional parameter that is `true` or `false`. */
export function flag(query: URLSearchParams, name: string): boolean {
  return oneOf(query, name, ['true', 'false']) === 'true'
}

/** The error for an invalid parameter. */
export function invalid(parameter: string, message: string): HttpError {
  return new HttpError('invalid-query', message, { details: { parameter } })
}

/** The value of a parameter that is a whole number. */
export function integer(
  query: URLSearchParams,
  name: string,
  least: number,
  most: number,
): number | undefined {
  const text = single(query, name)
  if (text === undefined) return undefined
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most) return value
  throw invalid(name, `The parameter ${name} must be a whole number from ${least} to ${most}.`)
}

/** The value of a parameter that is a duration, such as `250ms` or `2s`, in milliseconds. */
export function milliseconds(
  query: URLSearchParams,
  name: string,
  least: number,
  most: number,
): number | undefined {
  const text = single(query, name)
  if (text === undefined) return undefined
  const [, digits, unit] = /^([0-9]{1,9})(ms|s)$/.exec(text) ?? []
  const value = Number(digits) * (unit === 's' ? 1000 : 1)
  if (value >= least && value <= most) return value
  throw invalid(
    name,
    `The parameter ${name} must be a time from ${least}ms to ${most}ms, such as 250ms or 2s.`,
  )
}
