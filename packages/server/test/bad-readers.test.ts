import { once } from 'node:events'
import { get } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { openStream, startHub } from '@tailrace/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openClient } from '../../http/test/client.ts'
import { connectRaw } from '../../http/test/raw-connection.ts'
import { startServing } from '../../http/test/serving.ts'
import type { Serving } from '../../http/test/serving.ts'
import { startTraffic } from './support/traffic.ts'
import type { Traffic } from './support/traffic.ts'

const REQUEST = 'GET /topics/traffic HTTP/1.1\r\nHost: x\r\n\r\n'

/** Starts a stream and reads nothing of it. */
async function openUnread(url: string): Promise<IncomingMessage> {
  const [response] = (await once(get(url, { agent: false }), 'response')) as [IncomingMessage]
  // To be cut is an outcome here.
  response.on('error', () => {})
  return response
}

/** A connection whose end stays open when the other one is closed. */
function connectHalfOpen(port: number): Socket {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  socket.on('error', () => {})
  return socket
}

/** The numbers of the events of which all has come, and where to go on from. */
function eventsIn(text: string): { numbers: number[]; lastEventId: string } {
  const whole = text.slice(0, text.lastIndexOf('\n\n'))
  return {
    numbers: [...whole.matchAll(/^data: (\d+) *$/gm)].map(([, n]) => Number(n)),
    lastEventId: [...whole.matchAll(/^id: (.*)$/gm)].at(-1)![1]!,
  }
}

describe('a reader that takes too little is cut after the stall time, and finds the rest when it comes back', () => {
  test.each([
    ['it takes nothing', 0],
    ['it takes a byte at a time', 1],
  ])('%s', async (_, bytesATurn) => {
    await using serving = await startServing({ hub: { stallMs: 1_000 } })
    const traffic = await startTraffic(serving, { isLarge: true })
    const others = await serving.connections()
    const response = await openUnread(`${serving.url}/topics/traffic?from=start`)
    let text = ''
    expect(await serving.connections()).toBe(others + 1)
    while ((await serving.connections()) > others) {
      if (bytesATurn > 0) text += (response.read(bytesATurn) as Buffer | null)?.toString() ?? ''
      await new Promise(setImmediate)
    }
    response.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
    await new Promise((resolve) => response.on('close', resolve))
    expect(response.complete).toBe(false)

    const { numbers, lastEventId } = eventsIn(text)
    const again = await openStream(`${serving.url}/topics/traffic`, {
      headers: { 'Last-Event-ID': lastEventId },
    })
    const count = await traffic.finish()
    await again.waitFor((frames) => Number(frames.at(-1)?.data) === count - 1)
    expect([...numbers, ...eventsIn(again.text()).numbers]).toEqual([...Array(count).keys()])
    again.close()
  })
})

describe('beside others, who get everything, once and in order', () => {
  let serving: Serving
  let traffic: Traffic
  let others: number

  beforeEach(async () => {
    serving = await startServing()
    traffic = await startTraffic(serving)
    others = await serving.connections()
  })

  afterEach(async () => {
    // Whoever was bad is gone.
    while ((await serving.connections()) > others) await new Promise(setImmediate)
    await traffic.finish()
    await serving[Symbol.asyncDispose]()
  })

  test('readers that reset their connections in the middle of a replay leave nothing behind', async () => {
    await serving.hub.publish(
      Array.from({ length: 12 }, () => ({ topic: 'history', data: 'x'.repeat(1_000_000) })),
    )
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const raw = connectRaw(serving.port)
        raw.send('GET /topics/history?from=start HTTP/1.1\r\nHost: x\r\n\r\n')
        await raw.until((text) => text.includes('data: x'))
        raw.reset()
        expect((await raw.closed).length).toBeLessThan(12_000_000)
      }),
    )
  })

  test.each([
    ['with its request', REQUEST],
    ['with requests that it pipelines', REQUEST + REQUEST],
  ])('a reader that closes its half together %s is let go', async (_, requests) => {
    using raw = connectRaw(serving.port)
    raw.send(requests)
    raw.finish()
    // The head may be on its way by then, or not.
    expect((await raw.closed).split('HTTP/1.1 ').length).toBeLessThanOrEqual(2)
  })

  test('a reader that keeps its half when its stream has ended is cut', async () => {
    const socket = connectHalfOpen(serving.port)
    socket.write('GET /topics/short HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(socket, 'data')
    await serving.hub.publish([{ topic: 'short', data: 'bye', end: true }])
    await once(socket.resume(), 'end')
    expect(socket.writable).toBe(true)
    while ((await serving.connections()) > others) await new Promise(setImmediate)
    socket.destroy()
  })

  test('a request behind one for a stream is answered after its end, and not within it', async () => {
    using raw = connectRaw(serving.port)
    raw.send('GET /topics/short HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
    await raw.until((text) => text.includes('tailrace.live'))
    await serving.hub.publish([{ topic: 'short', data: 'one' }])
    await serving.hub.publish([{ topic: 'short', data: 'two', end: true }])
    const text = await raw.until((all) => all.includes('"ok"'))
    const [, stream, ...answers] = text.split('HTTP/1.1 200 OK\r\n')
    expect(stream).toMatch(/data: one\n[^]*data: two\n[^]*event: tailrace.end\n[^]*\r\n0\r\n\r\n$/)
    expect(answers).toHaveLength(1)
  })

  test('a reader that pipelines 64 requests is served, and one more is too many', async () => {
    using patient = connectRaw(serving.port)
    patient.send(REQUEST.repeat(64))
    await patient.until((text) => text.includes('data: '))
    using greedy = connectRaw(serving.port)
    greedy.send(REQUEST.repeat(65))
    expect(await greedy.closed).toBe('')
    const { length } = patient.text()
    await patient.until((text) => text.length > length)
    patient.send(REQUEST)
    expect((await patient.closed).match(/HTTP\/1\.1 /g)).toHaveLength(1)
  })
})

test('a hub that is told to stop waits for no reader: for none that is mute, takes nothing, or keeps its half', async () => {
  await using hub = await startHub()
  using client = openClient(hub.url)
  const mute = connectHalfOpen(hub.port)
  const keeping = connectHalfOpen(hub.port)
  keeping.write(REQUEST)
  await once(keeping, 'data')
  const unread = await openUnread(`${hub.url}/topics/traffic`)
  for (let i = 0; i < 12; i += 1) await client.send('POST', '/topics/traffic', 'x'.repeat(1_000_000))
  expect(await hub.kill()).toEqual({ code: 0, signal: null })
  for (const one of [mute, keeping, unread]) one.destroy()
})
