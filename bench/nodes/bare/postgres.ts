import { Client } from 'pg'
import type { Writer } from './writer.ts'

const TABLE = 'create table if not exists bare (id bigserial primary key, topic text, data text)'
const INSERT = 'insert into bare (topic, data) values ($1, $2)'

export async function openWriters(url: string, connections: number): Promise<Writer[]> {
  const clients = Array.from({ length: connections }, () => new Client({ connectionString: url }))
  await Promise.all(clients.map((client) => client.connect()))
  await clients[0]?.query(TABLE)
  // Prepared, and in its own transaction: the server commits before it responds.
  return clients.map((client) => ({
    write: (data) => client.query({ name: 'insert', text: INSERT, values: ['ledger', data] }),
  }))
}
