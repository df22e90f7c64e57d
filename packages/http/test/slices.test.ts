import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Exchange } from '@tailrace/http'
import { expect, test } from 'vitest'
import { exchangeOf } from '../src/node/exchange.ts'

// Small enough for the buffers of a loopback connection: the system takes all of it without waiting for its client.
const SLICES = Array.from({ length: 16 }, () => 'x'.repeat(64 * 1024))

test('others have their turn after each slice of an answer, also when the system takes all of it at once', async () => {
  let turns = 0
  let isSent = false
  function count(): void {
    turns += 1
    if (!isSent) setImmediate(count)
  }
  async function answer(exchange: Exchange): Promise<void> {
    await exchange.answerInSlices(200, {}, SLICES.values(), SLICES.join('').length)
    isSent = true
  }
  const server = createServer((request, response) => {
    setImmediate(count)
    void answer(exchangeOf(request, response))
  }).listen(0, '127.0.0.1')
  try {
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const response = await fetch(`http://127.0.0.1:${port}/`)
    expect(await response.text()).toBe(SLICES.join(''))
    expect(turns).toBeGreaterThanOrEqual(SLICES.length)
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
