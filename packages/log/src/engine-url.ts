/** What is printed in place of credentials. */
const HIDDEN = '***'

/** The URL of a log for people to read: without a user, a password, and the query, which may contain secrets too. */
export function withoutCredentials(url: string): string {
  const [, scheme = '', rest = url] = /^([a-z][a-z\d+.-]*:\/*)(.*)$/is.exec(url) ?? []
  // Up to the last @, because a password that was not percent-encoded may contain another, a slash or a question mark.
  const at = rest.lastIndexOf('@')
  const address = at === -1 ? rest : `${HIDDEN}@${rest.slice(at + 1)}`
  return scheme + address.split('?', 1)[0]!
}
