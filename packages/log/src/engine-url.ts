/** What is printed in place of credentials. */
const HIDDEN = '***'

/** The URL of a log for people to read: without a user, a password, and the query, which may contain secrets too. */
export function withoutCredentials(url: string): string {
  const [, scheme = '', rest = url] = /^([a-z][a-z\d+.-]*:\/*)(.*)$/is.exec(url) ?? []
  if (isAmbiguous(rest)) return scheme + HIDDEN
  // Up to the last @, because a password that was not percent-encoded may contain another, or a slash.
  const at = rest.lastIndexOf('@')
  const address = at === -1 ? rest : `${HIDDEN}@${rest.slice(at + 1)}`
  return scheme + address.split('?', 1)[0]!
}

/**
 * Refuses a URL in which a part of a password could be taken for a parameter, and then be printed.
 *
 * @throws RangeError without the credentials
 */
export function requireEncoded(url: string): void {
  if (!isAmbiguous(url)) return
  throw new RangeError(
    `${withoutCredentials(url)} has an @ after a question mark: write %3F for a question mark in the user or the password, and %40 for an @ in a parameter.`,
  )
}

/** It is not known whether the @ ends the credentials, or belongs to a parameter. */
function isAmbiguous(url: string): boolean {
  const query = url.indexOf('?')
  return query !== -1 && url.includes('@', query)
}
