import { createClient } from '@redis/client'
import type { Writer } from './writer.ts'

export function openWriters(url: string, connections: number): Promise<Writer[]> {
  return Promise.all(
    Array.from({ length: connections }, async () => {
      const client = createClient({ url })
      client.on('error', () => {})
      await client.connect()
      return { write: (data) => client.xAdd('bare', '*', { topic: 'ledger', data }) }
    }),
  )
}
