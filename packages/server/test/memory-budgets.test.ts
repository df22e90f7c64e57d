import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { startHub } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'
import { connectRaw } from '../../http/test/raw-connection.ts'

const MIB = 1024 * 1024
const MAX_RESIDENT_BYTES = 512 * MIB

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))!
      .slice(name.length),
  )
}

/** A client that asks from an address of its own, and takes nothing of what it gets. */
function connectFrom(localAddress: string, port: number): Socket {
  const socket = connect({ host: '127.0.0.1', port, localAddress })
  socket.on('error', () => {})
  return socket
}

describe('request bodies being received', () => {
  const head = (length: number): string =>
    `POST /topics/t HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: ${length}\r\n\r\n`
  const line = `{"data":"${'x'.repeat(MIB - 100)}"}\n`

  test('share a budget, of which one address gets half; the rest is for the others', async () => {
    await using hub = await startHub({ args: ['--max-bodies', '8MiB', '--max-batch', '2MiB'] })
    const held = (): Promise<number> => metric(hub.url, 'tailrace_bodies_bytes')
    const senders = Array.from({ length: 3 }, () => connectFrom('127.0.0.2', hub.port))
    for (const socket of senders) socket.write(head(3 * MIB) + line)
    await expect.poll(held, { timeout: 10_000 }).toBeGreaterThan(2.9 * MIB)

    const late = connectFrom('127.0.0.2', hub.port)
    late.write(head(2 * MIB))
    const [answer] = (await once(late, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(
      /^HTTP\/1.1 503 [^]*\r\nRetry-After: 1\r\n[^]*"code":"busy"[^]*"limit":"max-bodies"/,
    )
    expect(answer.toString()).toContain('--max-bodies')
    expect((await fetch(`${hub.url}/topics/t`, { method: 'POST', body: 'x'.repeat(MIB) })).status).toBe(201)
    expect(await metric(hub.url, 'tailrace_limits_hit_total{limit="max-bodies"}')).toBe(1)

    for (const socket of [...senders, late]) socket.destroy()
    await expect.poll(held, { timeout: 10_000 }).toBe(0)
  })

  test('cost no more than the budget, however many there are', async () => {
    await using hub = await startHub()
    const senders = Array.from({ length: 60 }, (_, i) => connectFrom(`127.0.0.${2 + (i % 40)}`, hub.port))
    for (const socket of senders) socket.resume().write(head(30 * MIB) + line.repeat(4))
    await expect
      .poll(() => metric(hub.url, 'tailrace_limits_hit_total{limit="max-bodies"}'), { timeout: 20_000 })
      .toBeGreaterThan(20)
    expect(await metric(hub.url, 'tailrace_bodies_bytes')).toBeLessThanOrEqual(64 * MIB)
    expect(await metric(hub.url, 'process_resident_memory_bytes')).toBeLessThan(MAX_RESIDENT_BYTES)
    for (const socket of senders) socket.destroy()
  })

  test('leave nothing held when they are refused', async () => {
    await using hub = await startHub()
    for (const [length, body] of [
      [5, '{}\n{}'],
      [100 * MIB, ''],
      [3, '\xff\n\n'],
    ] as const) {
      using raw = connectRaw(hub.port)
      raw.send(head(length))
      raw.send(Buffer.from(body, 'latin1'))
      await raw.until((text) => text.includes('"code"'))
    }
    expect(await metric(hub.url, 'tailrace_bodies_bytes')).toBe(0)
  })
})

describe('pages of history that are being sent', () => {
  const ask = 'GET /topics/t?limit=1000 HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n'

  test('cost no more than their budget, whatever JSON makes of them; one address gets half', async () => {
    await using hub = await startHub({ args: ['--max-history', '16MiB'] })
    // JSON takes six bytes for each.
    await fetch(`${hub.url}/topics/t`, { method: 'POST', body: '\u0001'.repeat(MIB) })
    const readers = Array.from({ length: 150 }, () => connectFrom('127.0.0.2', hub.port))
    for (const socket of readers) socket.pause().write(ask)
    await expect
      .poll(() => metric(hub.url, 'tailrace_limits_hit_total{limit="max-history"}'), { timeout: 20_000 })
      .toBeGreaterThan(140)
    expect(await metric(hub.url, 'tailrace_history_bytes')).toBeGreaterThan(0)
    // What there is no room for is not read either: three pages fit, and four are read at a time.
    expect(await metric(hub.url, 'tailrace_log_reads_total')).toBeLessThan(15)
    expect(await metric(hub.url, 'tailrace_history_bytes')).toBeLessThanOrEqual(8 * MIB)
    expect(await metric(hub.url, 'process_resident_memory_bytes')).toBeLessThan(MAX_RESIDENT_BYTES)
    // Another address has a page meanwhile, and it is whole.
    const response = await fetch(`${hub.url}/topics/t`, { headers: { Accept: 'application/json' } })
    const { events } = (await response.json()) as { events: { data: string }[] }
    expect(events[0]!.data).toBe('\u0001'.repeat(MIB))
    for (const socket of readers) socket.destroy()
    await expect.poll(() => metric(hub.url, 'tailrace_history_bytes'), { timeout: 10_000 }).toBe(0)
  })

  test('are refused with the name of the limit, over HTTP/2 as well', async () => {
    await using hub = await startHub({ args: ['--max-history', '4MiB'] })
    await fetch(`${hub.url}/topics/t`, { method: 'POST', body: '\u0001'.repeat(MIB) })
    // A window that is shut: nothing of an answer can be sent.
    const session = connectHttp2(hub.url, { settings: { initialWindowSize: 0 } })
    const get = { ':path': '/topics/t', accept: 'application/json' }
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const stream = session.request(get)
        stream.on('error', () => {})
        const [head] = (await once(stream, 'response')) as [Record<string, unknown>]
        return head[':status']
      }),
    )
    // No page fits: of 4 MiB, one address has half, and the event and its frame take a little more.
    expect(new Set(statuses)).toEqual(new Set([503]))
    const response = await fetch(`${hub.url}/topics/t`, { headers: { Accept: 'application/json' } })
    expect(response.headers.get('retry-after')).toBe('1')
    expect(await response.json()).toMatchObject({ code: 'busy', limit: 'max-history' })
    session.destroy()
  })

  test('come whole to a reader that takes them slowly', async () => {
    await using hub = await startHub()
    const texts = [
      '\u{1f600}'.repeat(100_000),
      'é'.repeat(200_000),
      '"\\\n'.repeat(50_000),
      '',
      'x'.repeat(16_383) + '\u{1f600}',
    ]
    const body = texts.map((data, i) => `${JSON.stringify({ data, key: `${i}` })}\n`).join('')
    const headers = { 'Content-Type': 'application/x-ndjson' }
    expect((await fetch(`${hub.url}/topics/t`, { method: 'POST', headers, body })).status).toBe(201)
    const response = await fetch(`${hub.url}/topics/t`, { headers: { Accept: 'application/json' } })
    let text = ''
    const decoder = new TextDecoder()
    for await (const chunk of response.body!) {
      text += decoder.decode(chunk, { stream: true })
      await new Promise(setImmediate)
    }
    const { events } = JSON.parse(text) as { events: { data: string; key: string }[] }
    expect(events.map(({ data }) => data)).toEqual(texts)
    expect(events.map(({ key }) => key)).toEqual(['0', '1', '2', '3', '4'])
  })
})
