import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openSqliteLog } from '@tailrace/log'
import { spawnCli, tempDir } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { open } from '../opening.ts'
import { killRound } from './kill-round.ts'
import { contentOf, startShortHub } from './terms.ts'

const STREAM_UNTIL_KILLED = fileURLToPath(new URL('../programs/stream-until-killed.ts', import.meta.url))

test('the stream of a producer that was killed is reported as lost after a restart, with everything it stored', async () => {
  using dir = tempDir()
  const path = join(dir.path, 'tailrace.db')
  await using producer = spawnCli([`sqlite:${path}`], { main: STREAM_UNTIL_KILLED })
  for (let i = 0; i < 20; i += 1) expect(await producer.nextLine()).toBe(`${i}`)
  await producer.kill('SIGKILL')

  const log = await openSqliteLog({ path })
  const hub = await startShortHub(log)
  await expect(hub.stream('t').opened).rejects.toMatchObject({ code: 'stream-exists' })
  const sink = await open(hub, { selectors: ['t'], from: 'start' })
  await sink.until(() => sink.outcome === 'ended')
  expect(await hub.findStream('t')).toMatchObject({ state: 'failed', code: 'producer-lost' })
  const content = await contentOf(hub, 't')
  expect(content.slice(1, -1)).toEqual(content.slice(1, -1).map((__, i) => `message token ${i}`))
  expect(content.length).toBeGreaterThanOrEqual(22)
  await hub.close()
  await log.close()
})

test('of many streams of a process that was killed, each ends, and nothing durable is missing or repeated', async () => {
  using dir = tempDir()
  const { lost } = await killRound(join(dir.path, 'tailrace.db'), 'round', 200)
  expect(lost).toBeGreaterThan(0)
})
