import type { Exchange } from '../exchange.ts'

/** Values of parameters, by name. */
export type Defaults = Readonly<Record<string, string | undefined>>

/**
 * The parameters of the protocol in the query of a request, and defaults for those that it does not have. All others
 * belong to the application.
 *
 * @param defaultsFor - returns the defaults for a query
 */
export function askedFor(
  { target }: Pick<Exchange, 'target'>,
  names: readonly string[],
  defaultsFor: (given: URLSearchParams) => Defaults = () => ({}),
): URLSearchParams {
  const mark = target.indexOf('?')
  const given = new URLSearchParams(mark === -1 ? '' : target.slice(mark))
  const defaults = defaultsFor(given)
  const asked = new URLSearchParams()
  for (const name of names) {
    const values = given.has(name) ? given.getAll(name) : [defaults[name]]
    for (const value of values) if (value !== undefined) asked.append(name, value)
  }
  return asked
}
