import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { openSqliteLog } from '@tailrace/log'
import { mountSmallDisk, needs, openStream, startHub, tempDir } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { answerOf, refusal } from '../../http/test/problem-shape.ts'
import { startServing } from '../../http/test/serving.ts'

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

test('a log that is moved away takes nothing more and is not ready, and goes on when it is back', async () => {
  using dir = tempDir()
  const [path, elsewhere] = [join(dir.path, 'log.db'), join(dir.path, 'elsewhere.db')]
  await using hub = await startHub({ log: `sqlite:${path}` })
  const publish = async (body: string): Promise<number> =>
    (await fetch(`${hub.url}/topics/t`, { method: 'POST', body })).status
  const ready = async (): Promise<number> => (await fetch(`${hub.url}/readyz`)).status
  const stream = await openStream(`${hub.url}/topics/t`)
  expect([await publish('before'), await ready()]).toEqual([201, 200])
  renameSync(path, elsewhere)
  expect([await publish('lost'), await ready()]).toEqual([503, 503])
  renameSync(elsewhere, path)
  expect([await publish('after'), await ready()]).toEqual([201, 200])
  const frames = await stream.waitFor((all) => all.some(({ data }) => data === 'after'))
  expect(
    frames.flatMap(({ event, data }) => (event === undefined && data !== undefined ? [data] : [])),
  ).toEqual(['before', 'after'])
  stream.close()
})
