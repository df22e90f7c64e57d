import { createAppGate } from '@tailrace/http'
import type { Gate, Route } from '@tailrace/http'
import { OPEN_GATE } from '@tailrace/http/gate'
import { createMemoryLog } from '@tailrace/log'
import type { EventLog } from '@tailrace/log'
import { openStream } from '@tailrace/testkit'
import { startServer } from 'tailrace'
import type { Journal } from 'tailrace'
import { expect, test } from 'vitest'
import { connectRaw } from '../../http/test/raw-connection.ts'

const SILENT: Journal = {
  started() {},
  draining() {},
  stopped() {},
  interrupted() {},
  resumed() {},
  warn() {},
  failed() {},
}

test('an application starts the server of the command line, with a gate and an endpoint of its own', async () => {
  const gate = createAppGate({ authorize: () => ({ publish: ['chat/*'], subscribe: ['chat/*'] }) })
  const version: Route = {
    method: 'GET',
    path: '/version',
    access: 'anyone',
    handle: async ({ exchange }) => exchange.answer(200, { 'Content-Type': 'text/plain' }, '1\n'),
  }
  const log = createMemoryLog()
  const running = await startServer({ log, port: 0, gate, routes: [version], journal: SILENT })
  const stream = await openStream(`${running.url}/topics/chat/1`)
  const publish = (topic: string): Promise<Response> =>
    fetch(`${running.url}/topics/${topic}`, { method: 'POST', body: 'hi' })
  expect((await publish('chat/1')).status).toBe(201)
  expect((await publish('other')).status).toBe(403)
  expect(await (await fetch(`${running.url}/version`)).text()).toBe('1\n')
  await stream.waitFor((frames) => frames.some(({ data }) => data === 'hi'))

  await running.drain(100)
  await stream.ended
  expect(stream.frames().at(-1)).toMatchObject({ event: 'tailrace.error', data: '{"code":"draining"}' })
  expect((await fetch(`${running.url}/readyz`)).status).toBe(503)
  await running.stop()
  await expect(fetch(running.url)).rejects.toThrow('fetch failed')
  // The log is the application's to close.
  expect(await log.append([{ topic: 'chat/1', data: 'after' }])).toHaveLength(1)
  await log.close()
})

test('a gate may be of a class of the application', async () => {
  class Members implements Gate {
    readonly #may: boolean
    readonly isDraining = false
    readonly bodies: Gate['bodies'] = OPEN_GATE.bodies
    readonly pages: Gate['pages'] = OPEN_GATE.pages
    readonly seal: Gate['seal'] = OPEN_GATE.seal

    constructor(may: boolean) {
      this.#may = may
    }

    identify = OPEN_GATE.identify
    mayPublish(): boolean {
      return this.#may
    }
    mayRead(): boolean {
      return this.#may
    }
    mayAdminister(): boolean {
      return false
    }
    mayGetTicket(): boolean {
      return false
    }
    readable = OPEN_GATE.readable
    requireStill = OPEN_GATE.requireStill
    admit = OPEN_GATE.admit
    admitPage = OPEN_GATE.admitPage
    requireRate = OPEN_GATE.requireRate
    charge = OPEN_GATE.charge
    corsHeaders = OPEN_GATE.corsHeaders
    issueTicket = OPEN_GATE.issueTicket
    revoke = OPEN_GATE.revoke
  }
  for (const may of [true, false]) {
    const gate = new Members(may)
    const running = await startServer({ log: 'memory:', port: 0, gate, journal: SILENT })
    const { status } = await fetch(`${running.url}/topics/t`, { method: 'POST', body: 'x' })
    expect(status).toBe(may ? 201 : 403)
    await running.stop()
  }
})

test('without a gate, anyone on this machine may read and nobody may publish', async () => {
  const running = await startServer({ log: 'memory:', port: 0, journal: SILENT })
  expect((await fetch(`${running.url}/topics/t`, { method: 'POST', body: 'x' })).status).toBe(403)
  expect((await fetch(`${running.url}/topics/t`, { headers: { Accept: 'application/json' } })).status).toBe(
    200,
  )
  await running.stop()
})

test('a server that cannot start says why, and leaves nothing open', async () => {
  const running = await startServer({ log: 'memory:', port: 0, journal: SILENT })
  const again = startServer({ log: 'memory:', port: running.port, journal: SILENT })
  await expect(again).rejects.toMatchObject({ name: 'ListenError', code: 'port-in-use' })
  await running.stop()
  await expect(startServer({ log: 'mysql:x', port: 0, journal: SILENT })).rejects.toThrow('sqlite:FILE')
  const windowed = startServer({ log: 'memory:', port: 0, hub: { windowBytes: -1 }, journal: SILENT })
  await expect(windowed).rejects.toThrow('windowBytes')
})

test('a server that stops closes idle connections at once, and the others with their last answer', async () => {
  const stored = createMemoryLog()
  const slow = Promise.withResolvers<void>()
  const log: EventLog = {
    ...stored,
    append: async (batch) => {
      if (batch[0]!.data === 'slow') await slow.promise
      return stored.append(batch)
    },
  }
  const running = await startServer({ log, port: 0, gate: OPEN_GATE, journal: SILENT })
  using idle = connectRaw(running.port)
  using busy = connectRaw(running.port)
  const publish = (data: string): string =>
    `POST /topics/t HTTP/1.1\r\nHost: x\r\nContent-Length: ${data.length}\r\n\r\n${data}`
  idle.send(publish('quick'))
  expect(await idle.until((text) => text.endsWith('}\n'))).toContain('\r\nConnection: keep-alive\r\n')
  busy.send(publish('slow'))
  // Once this one is answered, the slow one is under way.
  using other = connectRaw(running.port)
  other.send(publish('quick'))
  await other.until((text) => text.endsWith('}\n'))
  const stopped = running.stop()
  await idle.closed
  slow.resolve()
  expect(await busy.closed).toMatch(/^HTTP\/1\.1 201 Created\r\n[^]*\r\nConnection: close\r\n/)
  await stopped
  await stored.close()
})
