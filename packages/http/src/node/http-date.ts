let second = 0
let text = ''

/** The value of `Date` (RFC 9110, section 6.6.1). It is formatted once a second, because it takes a microsecond. */
export function httpDate(): string {
  const now = Math.floor(Date.now() / 1_000)
  if (now !== second) {
    second = now
    text = new Date(now * 1_000).toUTCString()
  }
  return text
}
