import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { openPostgresLog } from '@tailrace/log-postgres'
import { needs, tempDir } from '@tailrace/testkit'
import { Client } from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'

import { useServer } from './server.ts'
import { readEverything } from './tail.ts'

const postgres = needs('postgres')
const GUIDE = readFileSync(
  new URL('../../../docs/guides/publishing-from-postgres.md', import.meta.url),
  'utf8',
)

/** The code block of the guide with a mark after its language. */
function block(language: string, mark: string): string {
  const found = new RegExp(`^\`\`\`${language} ${mark}\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(GUIDE)
  return found![1]!
}

describe.skipIf(!postgres)('the guide to publishing from transactions', () => {
  const engine = useServer()

  test('works as it is written', async () => {
    const url = await engine.server.createDatabase()
    const database = new URL(url).pathname.slice(1)
    const log = await openPostgresLog({ url })
    await engine.server.query(`CREATE ROLE shop LOGIN; GRANT ALL ON SCHEMA public TO shop`, database)
    await engine.server.query(block('sql', 'grant'), database)

    const client = new Client({ connectionString: url.replace('postgres@', 'shop@') })
    await client.connect()
    onTestFinished(() => client.end())
    for (const mark of ['tables', 'publish', 'row']) await client.query(block('sql', mark))

    using dir = tempDir()
    const file = join(dir.path, 'place-order.ts')
    writeFileSync(file, block('ts', 'place-order.ts'))
    const { placeOrder } = (await import(file)) as {
      placeOrder(client: Client, id: number, total: number): Promise<void>
    }
    await placeOrder(client, 43, 5)
    // The order exists: the transaction fails, and its event is not published.
    await expect(placeOrder(client, 42, 1)).rejects.toThrow(/duplicate key/)

    await client.query(block('sql', 'trigger'))
    await client.query(`UPDATE orders SET status = 'sent' WHERE id = 43`)

    const events = await readEverything(log)
    expect(events.map(({ topic, type, key, data }) => [topic, type, key, JSON.parse(data)])).toEqual([
      ['orders/42', 'created', '42', { id: 42, total: 12.5, status: 'new' }],
      ['orders/42', 'paid', '42', { id: 42, total: 12.5, status: 'paid' }],
      ['placed/43', 'placed', undefined, { id: 43, total: 5 }],
      ['orders/43', 'changed', '43', { id: 43, total: 5, status: 'sent' }],
    ])
    await log.close()
  })
})
