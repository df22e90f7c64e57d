import { existsSync } from 'node:fs'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import type { Readable } from 'node:stream'
import { startHub } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'
import { startServing } from '../../http/test/serving.ts'

const KIB = 1024

/** Takes some bytes of a stream at a time until `!` comes or it is over. @returns how many `#` there were */
async function takeSlowly(stream: Readable, bytes: number, everyMs: number): Promise<number> {
  // To be cut is an outcome here.
  stream.on('error', () => {})
  let count = 0
  let isLast = false
  while (!isLast && !stream.readableEnded && !stream.destroyed) {
    const chunk = ((stream.read(bytes) ?? stream.read() ?? '') as Buffer | string).toString()
    count += chunk.split('#').length - 1
    isLast = chunk.includes('!')
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
  return count
}

describe('a reader that takes a large event slowly gets all of it, though no 64 KiB fit into the stall time', () => {
  test.skipIf(!existsSync('/proc/self/net/tcp'))(
    'over HTTP/1.1, where the kernel says what it took',
    { timeout: 120_000 },
    async () => {
      // More than the kernels of both ends hold. At this speed the reader's kernel opens its window about once a second, and the
      // hub's accepts more only after longer than the stall time. Both intervals are far from it, so that load does not decide.
      const size = 8 * KIB * KIB
      await using hub = await startHub({ args: ['--max-event', '9MiB', '--stall-timeout', '3s'] })
      const socket = connect(hub.port, '127.0.0.1')
      socket.write('GET /topics/t HTTP/1.1\r\nHost: localhost\r\n\r\n')
      await once(socket, 'readable')
      await fetch(`${hub.url}/topics/t`, { method: 'POST', body: `${'#'.repeat(size)}!` })
      const taken = await takeSlowly(socket, 64 * KIB, 160)
      expect(taken).toBe(size)
      socket.destroy()
    },
  )

  test('over HTTP/2, where the window of the stream is small', async () => {
    const size = 256 * KIB
    await using serving = await startServing({ hub: { stallMs: 600 } })
    const session = connectHttp2(serving.url, { settings: { initialWindowSize: 16 * KIB } })
    const stream = session.request({ ':path': '/topics/t', accept: 'text/event-stream' })
    await once(stream, 'response')
    await serving.hub.publish([{ topic: 't', data: `${'#'.repeat(size)}!` }])
    const taken = await takeSlowly(stream, 16 * KIB, 250)
    expect(taken).toBe(size)
    session.destroy()
  }, 60_000)
})

test.skipIf(!existsSync('/proc/self/net/tcp'))(
  'a reader that takes nothing is cut, whether or not the kernel says what it took',
  async () => {
    await using hub = await startHub({ args: ['--stall-timeout', '1s'] })
    const socket = connect(hub.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write('GET /topics/t HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await once(socket, 'readable')
    // Until it is more than the kernels of both ends hold.
    await expect
      .poll(
        async () => {
          await fetch(`${hub.url}/topics/t`, { method: 'POST', body: 'x'.repeat(1_000_000) })
          return (await fetch(`${hub.url}/metrics`)).text()
        },
        { timeout: 30_000 },
      )
      .toContain('tailrace_closes_total{reason="stalled"} 1\n')
    socket.destroy()
  },
  60_000,
)
