import type { ClientError } from '@tailrace/client'

/** A hub that a command talks to. */
export interface RemoteHub {
  readonly url: string
  readonly token?: string | undefined
}

/** The URL of a path on a hub. */
export function addressOf({ url }: RemoteHub, path: string): URL {
  return new URL(`${url.replace(/\/$/, '')}/${path}`)
}

export function topicAddress(hub: RemoteHub, topic: string): URL {
  return addressOf(hub, `topics/${topic.split('/').map(encodeURIComponent).join('/')}`)
}

export function headersOf({ token }: RemoteHub): Record<string, string> {
  return token === undefined ? {} : { Authorization: `Bearer ${token}` }
}

/** Explains a failure to the person who ran the command, with the hub's own explanation if there is one. */
export function explain(error: ClientError, { url }: RemoteHub, detail?: string): string {
  switch (error.code) {
    case 'status': {
      const why = error.problem?.detail ?? detail
      return `the hub answered ${error.status}${why === undefined ? '' : `: ${why}`}`
    }
    case 'not-a-hub':
    case 'not-a-stream':
      return `${new URL(url).origin} did not respond like a Tailrace hub`
    case 'network':
      return `${new URL(url).origin} cannot be reached (${reasonOf(error.cause)})`
    default:
      return error.message
  }
}

function reasonOf(failure: unknown): string {
  const cause = failure instanceof Error && failure.cause instanceof Error ? failure.cause : failure
  const { message, code } = Object(cause) as NodeJS.ErrnoException
  // If a name has several addresses, the error has a code but no message.
  return message || code || 'no response'
}
