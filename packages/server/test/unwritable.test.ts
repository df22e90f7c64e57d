import { join } from 'node:path'
import { openSqliteLog } from '@tailrace/log'
import { mountSmallDisk, needs, openStream } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { answerOf, refusal } from './problem-shape.ts'
import { startServing } from './serving.ts'

const canMount = needs('mount')

test.skipIf(!canMount)(
  'a log that cannot write is told as 503 without a word about its files, and readers stay',
  async () => {
    using disk = mountSmallDisk(512 * 1024)
    await using own = await startServing({
      log: await openSqliteLog({ path: join(disk!.path, 'tailrace.db') }),
    })
    const stream = await openStream(`${own.url}/topics/t`)
    const publish = (): Promise<Response> =>
      fetch(`${own.url}/topics/t`, { method: 'POST', body: 'x'.repeat(20_000) })
    let published = 0
    let response = await publish()
    while (response.ok) {
      published += 1
      response = await publish()
    }
    expect(response.headers.get('retry-after')).toBe('1')
    const answer = await answerOf(response)
    expect(answer).toEqual(refusal(503, 'full'))
    expect(JSON.stringify(answer)).not.toContain(disk!.path)
    expect(own.errors).toHaveLength(1)
    const frames = await stream.waitFor((all) => all.length >= 2 + published)
    expect(frames).toHaveLength(2 + published)
    expect(published).toBeGreaterThan(0)
    stream.close()
  },
)
