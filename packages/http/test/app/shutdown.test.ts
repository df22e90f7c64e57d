import { once } from 'node:events'
import { Agent, get } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { connect, createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { serve } from '@tailrace/http/node'
import { createHub } from '@tailrace/hub'
import { expect, test } from 'vitest'
import { listen } from './frameworks.ts'

test('a server closes although its readers return, on the connections that they have', async () => {
  const hub = await createHub({ log: 'memory:', retryMs: 20 })
  const { server, url } = await listen((request, response) =>
    serve(hub, request, response, { topics: ['t'] }),
  )
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const words: string[] = []
  const live = new AbortController()

  /** Reads one stream after the other, until there is no server. Resolves with the reason. */
  async function readOn(): Promise<string> {
    for (;;) {
      const request = get(url, { agent, headers: { Accept: 'text/event-stream' } })
      try {
        const [response] = (await once(request, 'response')) as [IncomingMessage]
        let text = ''
        for await (const chunk of response.setEncoding('utf8')) {
          text += chunk as string
          if (text.includes('tailrace.live')) live.abort()
        }
        words.push(text)
      } catch (error) {
        return (error as NodeJS.ErrnoException).code ?? ''
      }
    }
  }

  const reading = readOn()
  if (!live.signal.aborted) await once(live.signal, 'abort')
  const closed = once(server, 'close')
  server.close()
  await hub.drain(20)
  await hub.close()
  await closed
  expect(await reading).toBe('ECONNREFUSED')
  expect(words[0]).toContain('"code":"draining"')
  expect(words.at(-1)).toContain('"code":"log-unavailable"')
})

test('a hub that is closed asks readers to close their connection, but not over HTTP/2, which has no such header', async () => {
  const hub = await createHub({ log: 'memory:' })
  await hub.close()
  await using app = await listen((request, answer) => serve(hub, request, answer, { topics: ['t'] }))
  const response = await fetch(app.url)
  expect([response.status, response.headers.get('Connection')]).toEqual([503, 'close'])

  const server = createServer((request, answer) => void serve(hub, request, answer, { topics: ['t'] }))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const warnings: Error[] = []
  const warned = (warning: Error): void => void warnings.push(warning)
  process.on('warning', warned)
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const [headers] = (await once(session.request({ ':path': '/' }), 'response')) as [Record<string, unknown>]
  expect([headers[':status'], headers['connection']]).toEqual([503, undefined])
  session.destroy()
  server.close()
  await once(server, 'close')
  process.off('warning', warned)
  expect(warnings).toEqual([])
})
