import { connect, createServer, type Socket } from 'node:net'

/** A way to a socket that a test can cut off. */
export interface UnixProxy {
  /** Ends every connection, and refuses more of them, until `restore`. */
  interrupt(): void
  restore(): void
  /** Forwards nothing from the target, whose queues grow, until `resume`. */
  pause(): void
  resume(): void
  close(): Promise<void>
}

export async function startUnixProxy(path: string, target: string): Promise<UnixProxy> {
  const pairs = new Set<readonly [Socket, Socket]>()
  let isRefusing = false
  const server = createServer((client) => {
    client.on('error', () => {})
    if (isRefusing) {
      client.destroy()
      return
    }
    const upstream = connect(target)
    const pair = [client, upstream] as const
    pairs.add(pair)
    upstream.on('error', () => {})
    client.pipe(upstream)
    upstream.pipe(client)
    const end = (): void => {
      pairs.delete(pair)
      for (const socket of pair) socket.destroy()
    }
    for (const socket of pair) socket.on('close', end)
  })
  await new Promise<void>((resolve) => void server.listen(path, resolve))
  function cut(): void {
    for (const pair of pairs) for (const socket of pair) socket.destroy()
  }
  return {
    interrupt() {
      isRefusing = true
      cut()
    },
    restore() {
      isRefusing = false
    },
    pause() {
      for (const [client, upstream] of pairs) upstream.unpipe(client).pause()
    },
    resume() {
      for (const [client, upstream] of pairs) upstream.pipe(client)
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      cut()
      await closed
    },
  }
}
