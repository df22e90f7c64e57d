import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { createMemoryLog, LogError } from '@tailrace/log'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { texts } from './opening.ts'

let hub: Hub
let probes: number
let disk: 'works' | 'fails'

beforeEach(async () => {
  const log = createMemoryLog()
  probes = 0
  disk = 'works'
  const works = (): void => {
    if (disk === 'fails') throw new LogError('full', 'The disk is full.')
  }
  hub = await createHub({
    log: {
      ...log,
      async append(batch) {
        works()
        return log.append(batch)
      },
      async ready() {
        probes += 1
        works()
      },
    },
  })
})

afterEach(() => hub.close())

const publish = (): Promise<unknown> => hub.publish(texts('t', 'x'))
const isReady = (): Promise<boolean> =>
  hub.ready().then(
    () => true,
    () => false,
  )

test('everybody who asks at about the same time shares one look at the log', async () => {
  const answers = await Promise.all(Array.from({ length: 800 }, isReady))
  for (let i = 0; i < 200; i += 1) answers.push(await isReady())
  expect(new Set(answers)).toEqual(new Set([true]))
  expect(probes).toBeLessThan(10)
})

test('so do those who ask while the log does not work', async () => {
  disk = 'fails'
  const answers = await Promise.all(Array.from({ length: 800 }, isReady))
  for (let i = 0; i < 200; i += 1) answers.push(await isReady())
  expect(new Set(answers)).toEqual(new Set([false]))
  expect(probes).toBeLessThan(10)
})

test('an answer does not outlive a publish that shows otherwise', async () => {
  expect(await isReady()).toBe(true)
  disk = 'fails'
  await expect(publish()).rejects.toMatchObject({ code: 'full' })
  expect(await isReady()).toBe(false)
  disk = 'works'
  await publish()
  expect(await isReady()).toBe(true)
})
