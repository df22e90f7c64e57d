import { connect } from 'node:net'

import { LogError } from '@tailrace/log'

/** The first server to send anything, out of several; servers of NATS speak first. */
export async function findServer(servers: readonly string[], signal: AbortSignal): Promise<string> {
  // The driver leaves its socket open if a server accepts it and then says nothing, which would add up during a long
  // outage. So it is only given a server that has just spoken.
  const search = new AbortController()
  const ends = AbortSignal.any([signal, search.signal])
  try {
    return await Promise.any(servers.map((server) => greet(server, ends)))
  } catch (error) {
    const reasons =
      error instanceof AggregateError
        ? error.errors.map(({ message }: Error) => message).join('; ')
        : String(error)
    throw new LogError('unreachable', `No NATS server can be reached: ${reasons}.`, { cause: error })
  } finally {
    search.abort()
  }
}

function greet(server: string, signal: AbortSignal): Promise<string> {
  const colon = server.lastIndexOf(':')
  const host = server.slice(0, colon).replaceAll(/[[\]]/g, '')
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(server.slice(colon + 1)), signal })
    const fail = (reason: string): void => reject(new Error(`${server} ${reason}`))
    socket.once('data', () => {
      socket.destroy()
      resolve(server)
    })
    socket.once('close', () => fail('closed the connection'))
    socket.once('error', (error: NodeJS.ErrnoException) => {
      fail(error.name === 'AbortError' ? 'does not answer' : (error.code ?? error.message))
    })
  })
}
