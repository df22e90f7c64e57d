import { Agent, request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { Agent as SecureAgent, request as requestSecurely } from 'node:https'
import { flatten } from './transport.ts'
import type { Incoming, Transport } from './transport.ts'

/** HTTP/1.1, with a connection for each request, which could be kept, like those of browsers. */
export function createHttp1(origin: string, ca: string | undefined): Transport {
  const isSecure = origin.startsWith('https:')
  const agents = new Set<Agent>()
  return {
    send({ method, path, headers, body }) {
      return new Promise<Incoming>((resolve, reject) => {
        const agent = isSecure ? new SecureAgent({ keepAlive: true, ca }) : new Agent({ keepAlive: true })
        const send = isSecure ? requestSecurely : request
        const sent = send(`${origin}${path}`, { method, headers, agent })
        agents.add(agent)
        sent.on('close', () => {
          agents.delete(agent)
          agent.destroy()
        })
        sent.on('response', (response) => resolve(incomingOf(response)))
        sent.on('error', reject)
        // With a string, Node would write the head in UTF-8 as well, and not one byte for each character.
        sent.end(body === undefined ? undefined : Buffer.from(body))
      })
    },
    close() {
      for (const agent of agents) agent.destroy()
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
