import type { Exchange } from '../exchange.ts'

/**
 * The parameters of the protocol in the query of a request, and defaults for those that it does not have. All others
 * belong to the application.
 */
export function askedFor(
  { target }: Pick<Exchange, 'target'>,
  names: readonly string[],
  defaults: Readonly<Record<string, string | undefined>> = {},
): URLSearchParams {
  const mark = target.indexOf('?')
  const given = new URLSearchParams(mark === -1 ? '' : target.slice(mark))
  const asked = new URLSearchParams()
  for (const name of names) {
    const values = given.has(name) ? given.getAll(name) : [defaults[name]]
    for (const value of values) if (value !== undefined) asked.append(name, value)
  }
  return asked
}
