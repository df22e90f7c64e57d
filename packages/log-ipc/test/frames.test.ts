import { once } from 'node:events'
import { createServer } from 'node:net'
import { createMemoryLog, type StoredEvent, type TailListener } from '@tailrace/log'
import { expectRejection } from '@tailrace/log-suite'
import { createRandom, testSeed } from '@tailrace/testkit'
import { expect, onTestFinished, test } from 'vitest'

import { Decoder } from '../src/protocol/decoder.ts'
import { Encoder } from '../src/protocol/encoder.ts'
import { decodeBatch } from '../src/protocol/events.ts'
import { FrameReader } from '../src/protocol/frame-reader.ts'
import { FRAME, MAX_FRAME_BYTES, type Welcome } from '../src/protocol/protocol.ts'
import { follow } from './follow.ts'
import { freeSocket, open, serve } from './owned.ts'

test('frames arrive whole, wherever their bytes were divided', () => {
  const seed = testSeed()
  const random = createRandom(seed)
  const encoder = new Encoder()
  const texts = Array.from({ length: 200 }, (_, i) => `${i} ${'é'.repeat(random.int(0, 300) ** 2)}`)
  const bytes = Buffer.concat(
    texts.map((text) => {
      encoder.text(text)
      return encoder.finish(FRAME.call)
    }),
  )
  const reader = new FrameReader()
  const found: string[] = []
  for (let at = 0; at < bytes.length;) {
    const end = at + random.int(1, random.pick([3, 100, 100_000]))
    reader.push(bytes.subarray(at, end))
    for (
      let frame = reader.next(MAX_FRAME_BYTES);
      frame !== undefined;
      frame = reader.next(MAX_FRAME_BYTES)
    ) {
      found.push(new Decoder(frame).text())
    }
    at = end
  }
  expect(found, `TAILRACE_SEED=${seed}`).toEqual(texts)
})

test('batches that are published in one turn travel in one frame', async () => {
  const path = freeSocket()
  const frames: Decoder[] = []
  const reader = new FrameReader()
  let end: () => unknown = () => {}
  const server = createServer((socket) => {
    const encoder = new Encoder()
    const welcome: Welcome = { epoch: 'a', newest: 0, offset: 0, owner: 'b', purge: 0 }
    encoder.bytes(Buffer.from(JSON.stringify(welcome)))
    socket.write(encoder.finish(FRAME.welcome))
    socket.on('data', (chunk) => {
      reader.push(chunk)
      for (
        let frame = reader.next(MAX_FRAME_BYTES);
        frame !== undefined;
        frame = reader.next(MAX_FRAME_BYTES)
      ) {
        frames.push(new Decoder(frame))
      }
    })
    end = () => socket.destroy()
  })
  await once(server.listen(path), 'listening')
  onTestFinished(() => void server.close())
  const log = await open(`ipc:${path}`)
  const published = Array.from({ length: 100 }, (_, n) => log.append([{ topic: 'a', data: `${n}` }]))
  await expect.poll(() => frames.map(({ kind }) => kind)).toEqual([FRAME.hello, FRAME.append])
  const [, append] = frames
  expect(append!.f64()).toBe(1)
  const found = Array.from({ length: 100 }, () => decodeBatch(append!)[0]!.data)
  expect(found).toEqual(Array.from({ length: 100 }, (_, n) => `${n}`))
  expect(append!.isAtEnd).toBe(true)
  end()
  for (const one of published) await expectRejection(one, 'outcome-unknown')
})

test('what was committed is encoded once for all nodes', async () => {
  const memory = createMemoryLog()
  let encoded = 0
  const counting = (event: StoredEvent): StoredEvent => ({
    ...event,
    get data() {
      encoded += 1
      return event.data
    },
  })
  const { url, log } = await serve({
    ...memory,
    tail: (listener: TailListener) =>
      memory.tail({
        ...NO_REPORTS,
        events: (events) => listener.events(events.map(counting)),
      }),
  })
  const nodes = await Promise.all(Array.from({ length: 5 }, async () => follow(await open(url))))
  await log.append(Array.from({ length: 10 }, (_, n) => ({ topic: 'a', data: `${n}` })))
  for (const { events } of nodes) await expect.poll(() => events).toHaveLength(10)
  expect(encoded).toBe(10)
})

const NO_REPORTS: Omit<TailListener, 'events'> = {
  purged() {},
  lost() {},
  interrupted() {},
  resumed() {},
  failed() {},
}
