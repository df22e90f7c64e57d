/** What is printed in place of credentials. */
const HIDDEN = '***'

/** The URL of a log for people to read: without a user, a password, and the query, which may contain secrets too. */
export function withoutCredentials(url: string): string {
  const [address = ''] = url.split('?', 1)
  const start = address.indexOf('://')
  if (start === -1) return address
  const rest = address.slice(start + 3)
  // The last @, because a password that was not percent-encoded may contain another, or a slash.
  const at = rest.lastIndexOf('@')
  return at === -1 ? address : `${address.slice(0, start + 3)}${HIDDEN}@${rest.slice(at + 1)}`
}
