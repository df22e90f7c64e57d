import { connect } from 'node:net'
import { once } from 'node:events'

import { expect, test } from 'vitest'

import { needs, SHORT_SESSION, startKafka } from '@tailrace/testkit'

const kafka = needs('kafka')

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

test.skipIf(!kafka)('a broker accepts clients, is gone when it is killed, and starts again', async () => {
  await using broker = await startKafka({ properties: SHORT_SESSION })
  expect(await accepts(broker.port)).toBe(true)
  await broker.stop('SIGKILL')
  expect(await accepts(broker.port)).toBe(false)
  await broker.start()
  expect(await accepts(broker.port)).toBe(true)
})
