import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { request as requestSecurely } from 'node:https'
import { flatten } from './transport.ts'
import type { Incoming, Transport } from './transport.ts'

/** HTTP/1.1, with a connection for each request. */
export function createHttp1(origin: string, ca: string | undefined): Transport {
  const isSecure = origin.startsWith('https:')
  const requests = new Set<{ destroy(): void }>()
  return {
    send({ method, path, headers, body }) {
      return new Promise<Incoming>((resolve, reject) => {
        const options = { method, headers, agent: false } as const
        const sent = isSecure
          ? requestSecurely(`${origin}${path}`, { ...options, ca })
          : request(`${origin}${path}`, options)
        requests.add(sent)
        sent.on('close', () => requests.delete(sent))
        sent.on('response', (response) => resolve(incomingOf(response)))
        sent.on('error', reject)
        // With a string, Node would write the head in UTF-8 as well, and not one byte for each character.
        sent.end(body === undefined ? undefined : Buffer.from(body))
      })
    },
    close() {
      for (const one of requests) one.destroy()
    },
  }
}

function incomingOf(response: IncomingMessage): Incoming {
  return {
    status: response.statusCode!,
    headers: flatten(response.headers),
    body: response,
    isComplete: () => response.complete,
    destroy: () => void response.destroy(),
  }
}
