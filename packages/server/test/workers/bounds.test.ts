import { openStream, startHub } from '@tailrace/testkit'
import type { HubProcess } from '@tailrace/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectRaw } from '../../../http/test/raw-connection.ts'
import type { RawConnection } from '../../../http/test/raw-connection.ts'
import { childOf, childrenOf, isThere } from './children.ts'
import { ask } from './request.ts'

const CONNECTIONS = 24
/** An eighth is kept for those that read no stream. */
const STREAMS = 21

let hub: HubProcess

beforeAll(async () => {
  const args = ['--workers', '2', '--max-connections', `${CONNECTIONS}`, '--json-logs', '--drain', '1h']
  hub = await startHub({ log: 'memory:', args: [...args, '--node', 'one'] })
}, 30_000)

afterAll(async () => {
  await hub[Symbol.asyncDispose]()
})

async function opens(): Promise<string | undefined> {
  const stream = await openStream(`${hub.url}/topics/t`)
  const frames = await stream.waitFor((all) => all.some(({ event }) => event !== undefined))
  return frames.find(({ event }) => event !== undefined)!.event
}

function lines(): Record<string, unknown>[] {
  const json = hub
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{'))
  return json.map((line) => JSON.parse(line) as Record<string, unknown>)
}

test('all workers together have as many streams as one process would have, and carry one name', async () => {
  const events: (string | undefined)[] = []
  for (let i = 0; i < STREAMS + 3; i += 1) events.push(await opens())
  expect(events).toEqual([
    ...Array.from({ length: STREAMS }, () => 'tailrace.live'),
    ...Array.from({ length: 3 }, () => 'tailrace.error'),
  ])
  const { text } = await ask(`${hub.url}/connections`)
  expect(JSON.parse(text)).toMatchObject({ node: 'one', total: STREAMS })
  const metrics = (await ask(`${hub.url}/metrics`)).text
  expect(metrics).toContain('\ntailrace_node_info{node="one"} 1\n')
})

/** A client that stays after it was served. Undefined if it was closed on arrival. */
async function comes(): Promise<RawConnection | undefined> {
  const raw = connectRaw(hub.port)
  raw.send('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
  try {
    await raw.until((text) => text.includes('"ok"'))
    return raw
  } catch {
    return undefined
  }
}

test('all workers together have as many connections as one process would have', async () => {
  const staying: RawConnection[] = []
  await expect
    .poll(
      async () => {
        const came = (await Promise.all([comes(), comes()])).filter((raw) => raw !== undefined)
        staying.push(...came)
        return came.length
      },
      { interval: 250 },
    )
    .toBe(0)
  // Some come before the workers know of each other. If they did not, each would admit as many as it can have alone.
  expect(staying.length).toBeGreaterThanOrEqual(CONNECTIONS - STREAMS)
  expect(staying.length).toBeLessThan(2 * CONNECTIONS - STREAMS)
  for (const raw of staying) raw.destroy()
})

test('every line of the journal is an object, and names the process that it is about', async () => {
  process.kill(childOf(hub.pid, 'worker 2')!.pid, 'SIGKILL')
  await expect.poll(lines).toContainEqual(
    expect.objectContaining({
      level: 'warn',
      event: 'warning',
      process: 'worker 2',
      msg: 'ended (SIGKILL), and is replaced',
    }),
  )
  expect(lines()[0]).toMatchObject({ event: 'started', node: 'one', url: hub.url })
  expect(lines()[0]).not.toHaveProperty('process')
  await expect.poll(() => childOf(hub.pid, 'worker 2'), { timeout: 20_000 }).toBeDefined()
})

test('a second signal ends a hub that drains at once, with all of its processes', async () => {
  const children = childrenOf(hub.pid)
  process.kill(hub.pid, 'SIGINT')
  await expect.poll(lines).toContainEqual(expect.objectContaining({ event: 'draining', overMs: 3_600_000 }))
  process.kill(hub.pid, 'SIGINT')
  expect(await hub.exited).toEqual({ code: 1, signal: null })
  await expect.poll(() => children.filter(({ pid }) => isThere(pid))).toEqual([])
})
