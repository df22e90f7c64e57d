import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import { afterEach, expect, test } from 'vitest'

import { openStream, type StreamReader } from '@tailrace/testkit'

const cleanups: (() => void)[] = []

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

async function serve(
  contentType = 'text/event-stream',
): Promise<{ reader: StreamReader; response: ServerResponse }> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const requested = once(server, 'request') as Promise<[unknown, ServerResponse]>
  const opening = openStream(`http://127.0.0.1:${port}/`)
  const [, response] = await requested
  response.writeHead(200, { 'content-type': contentType })
  response.flushHeaders()
  const reader = await opening
  cleanups.push(() => {
    reader.close()
    server.close()
    server.closeAllConnections()
  })
  return { reader, response }
}

test('frames are what stands between blank lines, however the bytes arrive', async () => {
  const { reader, response } = await serve()
  const stream = 'retry: 2000\n\n:\nevent: paid\ndata: {"é":1}\ndata:\ndata:  x\ntopic: a/b\nid: k.1\n\n'
  for (const byte of Buffer.from(stream)) response.write(Buffer.of(byte))

  const frames = await reader.waitFor((seen) => seen.length === 2)

  expect(frames).toEqual([
    { retry: '2000' },
    { comment: '', event: 'paid', data: '{"é":1}\n\n x', topic: 'a/b', id: 'k.1' },
  ])
  expect(reader.text()).toBe(stream)
  expect(reader.status).toBe(200)
  expect(reader.headers['content-type']).toBe('text/event-stream')
})

test('a comment can be waited for before any frame follows it', async () => {
  const { reader, response } = await serve()
  response.write(':\n')
  expect(await reader.waitFor((_, text) => text.endsWith(':\n'))).toEqual([])
})

test.each([
  ['a line without a field', 'nonsense\n\n'],
  ['an unknown field', 'dat: x\n\n'],
  ['a missing space', 'data:x\n\n'],
  ['a CR', 'data: x\r\ndata: y\n\n'],
  ['a second id', 'id: 1\nid: 2\n\n'],
  ['a blank line after a blank line', 'data: x\n\n\ndata: y\n\n'],
  ['bad UTF-8', Buffer.of(0xff, 0x0a, 0x0a)],
  ['a byte order mark', '\uFEFFdata: x\n\n'],
])('%s is refused', async (_, bytes) => {
  const { reader, response } = await serve()
  response.write(bytes)
  await expect(reader.waitFor((frames) => frames.length === 2)).rejects.toThrow(
    'not a stream that we may send',
  )
  expect(() => reader.frames()).toThrow('not a stream that we may send')
})

test('a failed wait says why, and what was received', async () => {
  const { reader, response } = await serve()
  response.write('data: seen\n\n')
  await reader.waitFor((frames) => frames.length === 1)
  await expect(reader.waitFor(() => 'no paid yet', 1)).rejects.toThrow(
    /within 1 ms \(no paid yet\).*\ndata: seen/,
  )
})

test('a wait fails at once when the stream ends, and tells an end from a break', async () => {
  const one = await serve()
  const waiting = one.reader.waitFor((frames) => frames.length === 9)
  one.response.end('data: last\n\n')
  await expect(waiting).rejects.toThrow(/ended before.*\ndata: last/)
  await one.reader.ended
  expect(one.reader.isComplete()).toBe(true)

  const other = await serve()
  other.response.write('data: cut\n\n')
  await other.reader.waitFor((frames) => frames.length === 1)
  other.response.destroy()
  await other.reader.ended
  expect(other.reader.isComplete()).toBe(false)
  expect(other.reader.frames()).toHaveLength(1)
})

test('a paused reader makes the server wait, and gets everything once it resumes', async () => {
  const { reader, response } = await serve()
  reader.pause()
  const frame = `data: ${'x'.repeat(64 * 1024)}\n\n`
  let written = 0
  while (response.write(frame)) written++
  await reader.waitFor((frames) => frames.length === 0)
  expect(response.writableNeedDrain).toBe(true)
  reader.resume()
  await reader.waitFor((frames) => frames.length === written + 1)
})

test('an answer that is no event stream is kept as text', async () => {
  const { reader, response } = await serve('application/problem+json')
  response.end('{"code":"x"}')
  await reader.ended
  expect(reader.text()).toBe('{"code":"x"}')
  expect(reader.frames()).toEqual([])
})
