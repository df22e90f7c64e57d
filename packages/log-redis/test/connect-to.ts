import { createClient } from '@redis/client'
import type { RedisServer } from '@tailrace/testkit'

/** Sends commands of a test to a server. */
export interface Admin extends Disposable {
  send(...command: string[]): Promise<unknown>
}

export async function connectTo({ url }: Pick<RedisServer, 'url'>): Promise<Admin> {
  const client = createClient({ url, RESP: 2, socket: { reconnectStrategy: false } })
  client.on('error', () => {})
  await client.connect()
  return {
    send: (...command) => client.sendCommand(command),
    [Symbol.dispose]: () => client.destroy(),
  }
}
