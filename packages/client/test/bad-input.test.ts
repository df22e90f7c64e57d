import { afterEach, describe, expect, test } from 'vitest'
import { ClientError, EventSource, subscribe } from '@tailrace/client'
import { startScripted, stream } from './scripted-server.ts'
import type { Script, ScriptedServer } from './scripted-server.ts'

let server: ScriptedServer

afterEach(async () => {
  await server?.[Symbol.asyncDispose]()
})

/** What each face of the client makes of a server: its events up to `done`, or the error that ended it. */
const FACES: Readonly<Record<string, (url: string) => Promise<string[] | { code: string }>>> = {
  subscribe: async (url) => {
    const got: string[] = []
    try {
      const options = { initialDelayMs: 0, maxDelayMs: 0, maxEventLength: 1_000_000 }
      for await (const item of subscribe(url, options)) {
        if (item.kind === 'event' && item.data === 'done') break
        if (item.kind === 'event') got.push(`${item.id}|${item.data}`)
      }
      return got
    } catch (error) {
      expect(error).toBeInstanceOf(ClientError)
      return { code: (error as ClientError).code }
    }
  },
  EventSource: (url) =>
    new Promise((resolve) => {
      const got: string[] = []
      const source = new EventSource(url)
      source.addEventListener('message', (event) => {
        const { data, lastEventId } = event as MessageEvent<string>
        if (data !== 'done') {
          got.push(`${lastEventId}|${data}`)
          return
        }
        source.close()
        resolve(got)
      })
      source.addEventListener('error', (event) => {
        if (source.readyState === EventSource.CLOSED) resolve({ code: event.code })
      })
    }),
}

const bytes = (from: number, to: number): Buffer =>
  Buffer.from(Array.from({ length: to - from }, (_, i) => from + i))
/** No line can have CR, LF or NUL in an id; no header can have the other control characters. */
const SENDABLE = Buffer.concat([bytes(9, 10), bytes(32, 127), bytes(128, 256)])
const CONTROL = Buffer.concat([bytes(1, 9), bytes(11, 13), bytes(14, 32), bytes(127, 128)])

describe.each(Object.entries(FACES))('%s, against a server that sends', (_face, read) => {
  async function against(script: Script): Promise<string[] | { code: string }> {
    server = await startScripted(script)
    return read(server.url)
  }

  test('bytes that are no UTF-8: they become U+FFFD, and the stream goes on', async () => {
    const got = await against((response) =>
      stream(response).write(
        Buffer.concat([
          Buffer.from('data: a'),
          Buffer.from([0xff, 0xc3]),
          Buffer.from('b\n\ndata: done\n\n'),
        ]),
      ),
    )
    expect(got).toEqual(['|a\ufffd\ufffdb'])
  })

  test('a page of HTML: an error for good, after one request', async () => {
    const got = await against((response) =>
      response.writeHead(200, { 'Content-Type': 'text/html' }).end('<p>data: x\n\n'),
    )
    expect(got).toEqual({ code: 'not-a-stream' })
    expect(server.requests).toHaveLength(1)
  })

  const endAfterId =
    (id: Buffer): Script =>
    (response, _, index) => {
      stream(response)
      if (index > 0) response.write('data: done\n\n')
      else response.end(Buffer.concat([Buffer.from('retry: 1\nid: x'), id, Buffer.from('x\ndata: 1\n\n')]))
    }

  test('an id of every byte that a header can have: it is sent back', async () => {
    const id = `x${SENDABLE.toString()}x`
    expect(await against(endAfterId(SENDABLE))).toEqual([`${id}|1`])
    const sent = server.requests[1]!.headers['last-event-id'] as string
    expect(Buffer.from(sent, 'latin1').toString()).toBe(id)
  })

  test('an id with bytes that no header can have: an error for good, since it could never resume', async () => {
    expect(await against(endAfterId(CONTROL))).toEqual({ code: 'invalid-id' })
    expect(server.requests).toHaveLength(1)
  })

  test('redirects in a circle: steady attempts, each bounded', async () => {
    const got = await against((response, _, index) => {
      // `fetch` follows at most 20; the second attempt finds a way out.
      if (index > 20) stream(response, 'data: done\n\n')
      else response.writeHead(302, { Location: '/' }).end()
    })
    expect(got).toEqual([])
    expect(server.requests).toHaveLength(22)
  })
})

test('an endless line ends an EventSource with an error, and memory is bounded', async () => {
  let written = 0
  server = await startScripted((response) => {
    stream(response, 'data: ')
    const block = Buffer.alloc(1 << 20, 'x')
    const fill = (): void => {
      while (!response.destroyed && response.write(block)) written += block.length
      if (!response.destroyed) response.once('drain', fill)
    }
    fill()
  })
  expect(await FACES['EventSource']!(server.url)).toEqual({ code: 'too-large' })
  // The bound of the decoder, and what the sockets hold.
  expect(written).toBeLessThan(256 * 1024 * 1024)
  expect(server.requests).toHaveLength(1)
})
