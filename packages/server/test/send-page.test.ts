import { once } from 'node:events'
import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { SLICE_BYTES } from '../src/http/json.ts'
import { sendPage } from '../src/http/send-page.ts'

// Small enough for the buffers of a loopback connection: the system takes all of it without waiting for its client.
const EVENTS = Array.from({ length: 16 }, (_, i) => ({
  id: `${i}`,
  topic: 't',
  time: '2026-01-01T00:00:00.000Z',
  data: 'x'.repeat(SLICE_BYTES),
}))

test('others have their turn after each slice of a page, also when the system takes all of it at once', async () => {
  let turns = 0
  let isSent = false
  function count(): void {
    turns += 1
    if (!isSent) setImmediate(count)
  }
  async function send(response: ServerResponse): Promise<void> {
    await sendPage(response, { events: EVENTS, next: 'e.16' }, new AbortController().signal)
    isSent = true
  }
  const server = createServer((_request, response) => {
    setImmediate(count)
    void send(response)
  }).listen(0, '127.0.0.1')
  try {
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const response = await fetch(`http://127.0.0.1:${port}/`)
    const { events } = (await response.json()) as { events: unknown }
    expect(events).toEqual(EVENTS)
    expect(turns).toBeGreaterThanOrEqual(EVENTS.length)
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
