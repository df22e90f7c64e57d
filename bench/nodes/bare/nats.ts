import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import type { Writer } from './writer.ts'

export async function openWriters(url: string, connections: number): Promise<Writer[]> {
  const clients = await Promise.all(Array.from({ length: connections }, () => connect({ servers: url })))
  const [first] = clients
  if (first === undefined) return []
  const manager = await jetstreamManager(first)
  await manager.streams.add({ name: 'bare', subjects: ['bare.*'] })
  return clients.map((client) => {
    const stream = jetstream(client)
    return { write: (data) => stream.publish('bare.ledger', data) }
  })
}
