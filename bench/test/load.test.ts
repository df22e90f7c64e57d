import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createSecureServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { markedData, TOPIC_SLOT } from '../load/mark.ts'
import { publish } from '../load/publish.ts'
import { openReaders } from '../load/readers.ts'
import { get, post } from '../peer.ts'
import { createRandom, makeCertificate, needs, tempDir } from '@tailrace/testkit'

const gcc = needs('gcc')
const libssl = needs('libssl')
const servers: Server[] = []

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections?.()
    server.close()
  }
})

describe.skipIf(!gcc)('the reader', () => {
  test.each([
    ['chunked', true],
    ['until the connection closes', false],
  ])('counts every mark, wherever the bytes are cut: %s', async (_name, isChunked) => {
    const marks = 300
    const stream = `:\n@@\n@@@${Array.from({ length: marks }, (_, i) => `data: ${i % 3 === 0 ? '@@123' : ''}${mark(i)}\n\n`).join('')}@@00`
    const port = await serve((response, index) => drip(response, stream, index, isChunked))
    const began = nowNs()
    await using readers = await openReaders(get(port, '/'), { count: 4, marks, processes: 2 })
    expect(await readers.complete(5000)).toBeGreaterThan(0)
    const report = await readers.report()
    expect(report).toMatchObject({ deliveries: 4 * marks, complete: 4, closed: 0 })
    expect(report.latency.total).toBe(4 * marks)
    // The marks contain send times of 1,000,000 ns and later.
    expect(report.latency.maxMs).toBeGreaterThan(Number(began) / 1e6 - 10)
  })

  test('starts over when requested', async () => {
    const open: ServerResponse[] = []
    const port = await serve((response) => {
      response.write('head\n')
      open.push(response)
    })
    await using readers = await openReaders(get(port, '/'), { count: 3 })
    for (const response of open) response.write(mark(1) + mark(2))
    await until(async () => (await readers.report()).deliveries === 6)
    await readers.reset()
    expect((await readers.report()).deliveries).toBe(0)
    open[0]?.write(mark(3))
    await until(async () => (await readers.report()).deliveries === 1)
  })

  test('leaves a stalled share unread, and says which streams were closed', async () => {
    const open: ServerResponse[] = []
    const port = await serve((response) => {
      response.write('head\n')
      open.push(response)
    })
    await using readers = await openReaders(get(port, '/'), { count: 4, stalled: 2 })
    const block = mark(1).padEnd(64 * 1024)
    for (let i = 0; i < 200; i++) for (const response of open) response.write(block)
    await until(async () => (await readers.report()).deliveries === 400)
    expect(open.filter(({ writableLength }) => writableLength > 0)).toHaveLength(2)
    for (const response of open) response.destroy()
    await until(async () => (await readers.report()).closed === 2)
  })

  test('tries again where a proxy refuses a few', async () => {
    const port = await serve((response, index) => {
      if (index % 2 === 1) response.writeHead(502).end()
      else response.write(mark(index))
    })
    await using readers = await openReaders(get(port, '/'), { count: 3, marks: 1, inFlight: 1 })
    expect(await readers.complete(5000)).toBeGreaterThan(0)
  })

  test('refuses to begin when a stream is refused', async () => {
    const port = await serve((response) => response.writeHead(503).end())
    await expect(openReaders(get(port, '/'), { count: 2 })).rejects.toThrow('0 of 2 readers could connect')
  })
})

describe.skipIf(!gcc)('the publisher', () => {
  test('posts as many as it was told, each with a mark of its own', async () => {
    const seen: string[] = []
    const port = await serveBodies((body) => void seen.push(body))
    const report = await publish(post(port, '/', markedData(100)), { connections: 4, rate: 0, count: 500 })
    expect(report).toMatchObject({ sent: 500, acked: 500, errors: 0, unanswered: 0 })
    expect(new Set(seen.map((body) => body.slice(22, 32))).size).toBe(500)
    expect(seen.every((body) => /^@@\d{19},\d{10}@@(tailrace){8}ta$/.test(body) && body.length === 100)).toBe(
      true,
    )
  })

  test('charges a hub for the time that it holds events up', async () => {
    let isFirst = true
    const port = await serveBodies(async () => {
      if (isFirst) await new Promise((resolve) => setTimeout(resolve, 300))
      isFirst = false
    })
    const report = await publish(post(port, '/', markedData(50)), { connections: 1, rate: 100, seconds: 0.5 })
    expect(report.sent).toBe(50)
    // 30 events were due while the first one was delayed: half of all waited for more than 50 ms.
    expect(report.latency.quantileMs(0.5)).toBeGreaterThan(50)
  })

  test('counts refusals', async () => {
    const port = await serve((response) => response.writeHead(503, { 'Content-Length': '0' }).end())
    const report = await publish(post(port, '/', markedData(50)), { connections: 2, rate: 0, count: 10 })
    expect(report).toMatchObject({ acked: 0, errors: 10 })
  })
})

test('topics take turns, and each reader has one of its own', async () => {
  const port = await echo((listener) => createServer(listener))
  await using readers = await openReaders(get(port, `/${TOPIC_SLOT}`), { count: 5, marks: 3, processes: 2 })
  const request = post(port, `/${TOPIC_SLOT}`, markedData(50))
  await publish(request, { connections: 3, rate: 0, count: 15, topics: 5 })
  expect(await readers.complete(5000)).toBeDefined()
  expect((await readers.report()).deliveries).toBe(15)
})

test('each event of a request has a mark of its own', async () => {
  const seen: string[] = []
  const port = await serveBodies((body) => void seen.push(body))
  const batch = `${markedData(40)}\n${markedData(60)}\n`
  await publish(post(port, '/', batch), { connections: 2, rate: 0, count: 10 })
  const numbers = seen.flatMap((body) => [...body.matchAll(/@@\d{19},(\d{10})@@/g)].map(([, text]) => text))
  expect(new Set(numbers).size).toBe(20)
})

describe.skipIf(!gcc || !libssl).each(['tls', 'h2'] as const)('over %s', (protocol) => {
  test('the same is sent and received', async () => {
    using dir = tempDir()
    const { cert, key } = makeCertificate(dir.path)
    const files = { cert: readFileSync(cert), key: readFileSync(key), allowHTTP1: protocol === 'tls' }
    const versions = new Set<string>()
    const port = await echo((listener) => createSecureServer(files, listener as never), versions)
    const subscribe = { ...get(port, `/${TOPIC_SLOT}`), protocol }
    await using readers = await openReaders(subscribe, { count: 4, marks: 100 })
    // Long enough for several records, frames and field lengths.
    const headers = { 'X-Long': 'a'.repeat(300) }
    const request = { ...post(port, `/${TOPIC_SLOT}`, markedData(20_000), headers), protocol }
    const report = await publish(request, { connections: 3, rate: 0, count: 400, topics: 4 })
    expect(report).toMatchObject({ acked: 400, errors: 0, unanswered: 0 })
    expect(await readers.complete(10_000)).toBeDefined()
    expect(await readers.report()).toMatchObject({ deliveries: 400, complete: 4, closed: 0 })
    expect([...versions]).toEqual([protocol === 'h2' ? '2.0' : '1.1'])
  })

  test('counts refusals', async () => {
    using dir = tempDir()
    const { cert, key } = makeCertificate(dir.path)
    const files = { cert: readFileSync(cert), key: readFileSync(key), allowHTTP1: protocol === 'tls' }
    const port = await listen(
      createSecureServer(files, (_, response) => void response.writeHead(503).end('no')) as unknown as Server,
    )
    const request = { ...post(port, '/', markedData(50)), protocol }
    expect(await publish(request, { connections: 2, rate: 0, count: 10 })).toMatchObject({
      acked: 0,
      errors: 10,
    })
  })
})

/** A hub without anything: what is posted to a path goes to those who read it. */
async function echo(
  create: (listener: (request: IncomingMessage, response: ServerResponse) => void) => unknown,
  versions: Set<string> = new Set(),
): Promise<number> {
  const readers = new Map<string, ServerResponse[]>()
  const server = create((request, response) => {
    const topic = request.url ?? ''
    versions.add(request.httpVersion)
    if (request.method === 'GET') {
      readers.set(topic, [...(readers.get(topic) ?? []), response])
      response.writeHead(200)
      response.write(':\n')
      return
    }
    request.on('data', (chunk: Buffer) => readers.get(topic)?.forEach((reader) => reader.write(chunk)))
    request.on('end', () => response.writeHead(201).end('stored'))
  })
  return listen(server as Server)
}

const nowNs = () => process.hrtime.bigint()

function mark(number: number): string {
  return `@@${String(1_000_000 + number).padStart(19, '0')},${String(number).padStart(10, '0')}@@`
}

/** The text in pieces of 1 to 60 bytes, each in a separate chunk and usually in a separate packet. */
async function drip(response: ServerResponse, text: string, seed: number, isChunked: boolean): Promise<void> {
  const random = createRandom(seed)
  response.useChunkedEncodingByDefault = isChunked
  response.socket?.setNoDelay(true)
  response.flushHeaders()
  for (let at = 0; at < text.length;) {
    const length = random.int(1, 60)
    response.write(text.slice(at, at + length))
    at += length
    if (random.chance(0.3)) await new Promise((resolve) => setImmediate(resolve))
  }
}

async function serve(answer: (response: ServerResponse, index: number) => unknown): Promise<number> {
  let index = 0
  return listen(createServer((_, response) => void answer(response, ++index)))
}

async function serveBodies(take: (body: string) => void | Promise<void>): Promise<number> {
  return listen(
    createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        Promise.resolve(take(Buffer.concat(chunks).toString()))
          .then(() => response.writeHead(201).end('{"id":"1"}'))
          .catch((error: unknown) => response.destroy(error as Error))
      })
    }),
  )
}

async function listen(server: Server): Promise<number> {
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const end = new AbortController()
  onTestFinished(() => end.abort())
  while (!end.signal.aborted && !(await condition())) await new Promise((resolve) => setTimeout(resolve, 10))
}
