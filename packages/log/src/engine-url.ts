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

/** Where an engine listens. */
export interface HostAndPort {
  readonly host: string
  readonly port: number
}

/** Parses `host`, `host:port` or `[IPv6]:port`. Undefined if it is something else. */
export function parseHost(text: string, defaultPort: number): HostAndPort | undefined {
  const parts = /^(?:\[([\da-f:.]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/i.exec(text)
  const port = Number(parts?.[3] ?? defaultPort)
  if (parts === null || port < 1 || port > 65_535) return undefined
  return { host: (parts[1] ?? parts[2])!, port }
}

export interface EngineUrlForm {
  readonly scheme: string
  readonly defaultPort: number
  /** Completes the sentence of an error. */
  readonly example: string
  readonly parameters: readonly string[]
}

/** The parts of `scheme[+tls]://[user[:password]@]host[:port][,…][/name][?parameter=value]`. */
export interface EngineUrl {
  readonly usesTls: boolean
  /** Undefined without an @. */
  readonly credentials: readonly [user: string, password?: string] | undefined
  readonly hosts: readonly HostAndPort[]
  /** What follows the slash; empty if nothing does. */
  readonly name: string
  readonly parameters: URLSearchParams
}

/**
 * Parses the URL of an engine.
 *
 * @throws RangeError that says what is wrong, without the credentials
 */
export function parseEngineUrl(url: string, form: EngineUrlForm): EngineUrl {
  requireEncoded(url)
  const parts = /^([a-z]+)(\+tls)?:\/\/(?:([^/?]*)@)?([^/?@]+)(?:\/([^?]*))?(?:\?(.*))?$/.exec(url)
  if (parts === null || parts[1] !== form.scheme) throw refuseUrl(url, `must look like ${form.example}`)
  const [, , tls, userInfo, hosts = '', name = '', query] = parts
  const parameters = new URLSearchParams(query)
  const unknown = [...parameters.keys()].find((one) => !form.parameters.includes(one))
  if (unknown !== undefined) {
    throw refuseUrl(url, `accepts only ${form.parameters.join(', ')} in its query, not ${unknown}`)
  }
  return {
    usesTls: tls !== undefined,
    credentials: userInfo === undefined ? undefined : parseCredentials(url, userInfo),
    hosts: hosts.split(',').map((text) => {
      const host = parseHost(text, form.defaultPort)
      if (host === undefined) throw refuseUrl(url, 'has a server that is not host:port')
      return host
    }),
    name,
    parameters,
  }
}

/** The error for a URL, without its credentials. @param what completes the sentence that begins with the URL */
export function refuseUrl(url: string, what: string): RangeError {
  return new RangeError(`The URL ${withoutCredentials(url)} ${what}.`)
}

function parseCredentials(url: string, userInfo: string): [user: string, password?: string] {
  const colon = userInfo.indexOf(':')
  try {
    if (colon === -1) return [decodeURIComponent(userInfo)]
    return [decodeURIComponent(userInfo.slice(0, colon)), decodeURIComponent(userInfo.slice(colon + 1))]
  } catch {
    throw refuseUrl(url, 'has credentials that are not percent-encoded')
  }
}
