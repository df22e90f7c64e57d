import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { freePort, needs, tempDir } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { compile } from '../compile.ts'
import { markedData } from '../load/mark.ts'
import { publish } from '../load/publish.ts'
import { openReaders } from '../load/readers.ts'
import { get, post } from '../peer.ts'
import { nodeNet } from '../peers/node-net.ts'
import { listeners } from '../usage.ts'

const gcc = needs('gcc')

test.skipIf(!gcc)('the floor sends every event to every reader, and counts them right', async () => {
  const port = await freePort()
  const floor = spawn(compile('floor/floor.c'), [String(port)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const said = text(floor.stdout)
  while (listeners(port) === 0) await new Promise((resolve) => setTimeout(resolve, 10))
  {
    await using readers = await openReaders(get(port, '/'), { count: 20, marks: 50 })
    const published = await publish(post(port, '/', markedData(100)), { connections: 3, rate: 0, count: 50 })
    expect(published).toMatchObject({ acked: 50, errors: 0 })
    expect(await readers.complete(5000)).toBeGreaterThan(0)
    expect(await readers.report()).toMatchObject({ deliveries: 1000, complete: 20, closed: 0 })
  }
  floor.kill()
  await once(floor, 'close')
  const report = JSON.parse(await said) as Record<string, number>
  expect(report).toMatchObject({ deliveries: 1000, dropped: 0 })
  expect(report['cpuMicrosPerDelivery']).toBeGreaterThan(0)
})

test.skipIf(!gcc)('a bare loop in Node does the same', async () => {
  using dir = tempDir()
  const place = { dir: dir.path, port: await freePort() }
  await using _ = await nodeNet.start(place)
  await using readers = await openReaders(nodeNet.subscribe(place, 'all'), { count: 5, marks: 50 })
  const request = nodeNet.publish(place, 'all', markedData(100))
  expect(await publish(request, { connections: 3, rate: 0, count: 50 })).toMatchObject({
    acked: 50,
    errors: 0,
  })
  expect(await readers.complete(5000)).toBeGreaterThan(0)
  expect(await readers.report()).toMatchObject({ deliveries: 250, complete: 5, closed: 0 })
})
