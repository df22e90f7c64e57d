import { openStream } from '@tailrace/testkit'
import { expect } from 'vitest'
import { openClient } from '../../../http/test/client.ts'
import type { Serving } from '../../../http/test/serving.ts'

/** Of these the first events are large: more than the kernel takes for a reader that takes nothing. */
const LARGE_EVENTS = 200
const LARGE_CHARS = 64 * 1024
/** What must be delivered after all that a test did to a hub. */
const LAST_EVENTS = 10

/** A publisher and a reader of one topic, who go on at full speed whatever else comes to the hub. */
export interface Traffic {
  /** Ends it; resolves with how many events there were, once the reader has each of them, once and in order. */
  finish(): Promise<number>
}

export async function startTraffic(serving: Serving, { isLarge = false } = {}): Promise<Traffic> {
  const client = openClient(serving.url)
  const stream = await openStream(`${serving.url}/topics/traffic`)
  await stream.waitFor((frames) => frames.length === 2)
  let count = 0
  let end = Number.POSITIVE_INFINITY

  async function publish(): Promise<void> {
    const data = String(count).padEnd(isLarge && count < LARGE_EVENTS ? LARGE_CHARS : 0)
    const { status, text } = await client.send('POST', '/topics/traffic', data)
    if (status !== 201) throw new Error(`publish answered ${status}: ${text}`)
    count += 1
  }

  async function publishOn(): Promise<void> {
    while (count < end) await publish()
  }

  // Once both have their connections.
  await publish()
  const published = publishOn()
  return {
    async finish() {
      end = Math.max(count, isLarge ? LARGE_EVENTS : 0) + LAST_EVENTS
      await published
      const frames = await stream.waitFor((all) => all.length >= end + 2)
      expect(frames.slice(2).map(({ data }) => Number(data))).toEqual([...Array(end).keys()])
      expect(serving.errors).toEqual([])
      stream.close()
      client[Symbol.dispose]()
      return end
    },
  }
}
