import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'

/** Both ends of a connection: that of a server, and that of its reader. */
export interface SocketPair {
  readonly served: Socket
  readonly reader: Socket
  /** Everything that the reader has received, a character for each byte. */
  text(): string
}

export interface SocketPairs extends AsyncDisposable {
  open(): Promise<SocketPair>
}

export async function startSocketPairs(): Promise<SocketPairs> {
  const server: Server = createServer({ noDelay: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const sockets: Socket[] = []

  async function open(): Promise<SocketPair> {
    const arrived = once(server, 'connection') as Promise<[Socket]>
    const reader = connect(port, '127.0.0.1')
    const [served] = await arrived
    sockets.push(served, reader)
    let text = ''
    reader.setEncoding('latin1').on('data', (chunk: string) => (text += chunk))
    // A reset is an outcome here, like an end.
    for (const socket of [served, reader]) socket.on('error', () => {})
    return { served, reader, text: () => text }
  }

  return {
    open,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
