import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { LogError } from '@tailrace/log'
import { openKafkaLog } from '@tailrace/log-kafka'
import { mountSmallDisk, needs, SHORT_SESSION, startKafka, tempDir } from '@tailrace/testkit'
import { describe, expect, test, vi } from 'vitest'

import { readAll, recordTail } from './tails.ts'

const canRun = needs('kafka') && needs('mount')
const MIB = 2 ** 20

describe.runIf(canRun)('a broker whose disk is full', () => {
  test('interrupts the log, and loses nothing once there is room again', { timeout: 120_000 }, async () => {
    using disk = mountSmallDisk(64 * MIB)!
    using dir = tempDir()
    const ballast = join(disk.path, 'ballast')
    writeFileSync(ballast, Buffer.alloc(32 * MIB))
    await using kafka = await startKafka({
      properties: { ...SHORT_SESSION, 'log.dirs': join(disk.path, 'data') },
    })
    const log = await openKafkaLog({ url: `kafka://127.0.0.1:${kafka.port}?index=${dir.path}` })
    const tail = await recordTail(log)

    const acknowledged: string[] = []
    const event = (): [string, Promise<unknown>] => {
      const data = `${acknowledged.length} `.padEnd(MIB / 2, 'x')
      return [data, log.append([{ topic: 'a', data, idempotencyKey: `${acknowledged.length}` }])]
    }
    let refusal: LogError | undefined
    while (refusal === undefined) {
      const [data, appended] = event()
      refusal = await appended.then(
        () => void acknowledged.push(data),
        (error: LogError) => error,
      )
    }
    expect(['unreachable', 'outcome-unknown']).toContain(refusal.code)
    await tail.until(1)

    await kafka.stop('SIGKILL')
    rmSync(ballast)
    await kafka.start()
    await tail.until(2)
    const [last, appended] = event()
    await appended
    const expected = [...acknowledged, last]
    expect((await readAll(log)).map(({ data }) => data)).toEqual(expected)
    await vi.waitUntil(() => tail.events.length === expected.length)
    expect(tail.events.map(({ data }) => data)).toEqual(expected)
    await log.close()
  })
})
