import { Auditor, createRandom, needs, startHub, testSeed } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { publishTo } from './support/audit.ts'
import { startLeavingReader } from './support/leaving-reader.ts'

const gcc = needs('gcc')

const EVENTS = 20
/** How many readers leave while an event is on its way. */
const LEAVING = 50

async function groupedWrites(url: string): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text()
  return Number(/^tailrace_grouped_writes_total (\d+)$/m.exec(metrics)![1])
}

test.skipIf(!gcc).each([
  ['in groups', 2_000, []],
  ['one by one', 300, ['--no-multisend']],
])(
  'readers that are written to %s and leave at random get every event once and in order',
  { timeout: 120_000 },
  async (_name, count, args) => {
    const random = createRandom(testSeed())
    const auditor = new Auditor()
    await using hub = await startHub({ log: 'memory:', args: [...args, '--max-streams-per-address', '0'] })
    const place = { port: hub.port, path: '/topics/p' }
    const readers = Array.from({ length: count }, () =>
      startLeavingReader(place, auditor.addReader(['p']), random),
    )
    await Promise.all(readers.map(({ isLive }) => isLive))
    for (let n = 0; n < EVENTS; n += 1) {
      const published = publishTo(hub.url, 'p', `p:${n}`)
      for (let i = 0; i < LEAVING; i += 1) {
        random.pick(readers).leave()
        if (random.chance(0.2)) await new Promise(setImmediate)
      }
      auditor.acknowledge('p', n, (await published).id, false)
    }
    await expect.poll(() => auditor.isDelivered, { timeout: 60_000 }).toBe(true)
    expect(auditor.verdict()).toMatchObject({ lost: 0, duplicated: 0, outOfOrder: 0, gaps: 0, faults: [] })
    expect((await groupedWrites(hub.url)) > 0).toBe(args.length === 0)
    for (const reader of readers) reader.stop()
  },
)
