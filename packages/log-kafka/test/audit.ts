import { LogError, type CompleteEventLog, type StoredEvent } from '@tailrace/log'
import { expect } from 'vitest'

import { readAll, recordTail } from './tails.ts'

const PUBLISHERS = 6
const PAUSE_MS = 20

export interface Summary {
  readonly acknowledged: number
  /** Of them, by a repetition of what was stored already. */
  readonly repeated: number
  /** How often a publisher could not know. */
  readonly unknown: number
}

/** Publishers on several nodes, which repeat everything until it is acknowledged, and what they learned. */
export interface Audit {
  /** Resolves once that many more events are acknowledged. */
  more(count: number): Promise<void>
  /** Ends the publishers, and checks every node: nothing lost, nothing twice, and in order. */
  finish(): Promise<Summary>
}

export async function startAudit(nodes: readonly CompleteEventLog[]): Promise<Audit> {
  const tails = await Promise.all(nodes.map(recordTail))
  const acknowledged = new Map<string, number>()
  const done = new AbortController()
  let unknown = 0
  let repeated = 0

  /** Publishes one batch of two after the other. @returns how many */
  async function publish(name: string, node: CompleteEventLog): Promise<number> {
    let n = 0
    for (; !done.signal.aborted; n += 1) {
      const batch = dataOf(name, n).map((data) => ({ topic: `p/${name}`, data, idempotencyKey: data }))
      const answers = await repeat(() => node.append(batch))
      for (const [index, { offset, duplicate }] of answers.entries()) {
        if (duplicate) repeated += 1
        acknowledged.set(batch[index]!.data, offset)
      }
    }
    return n
  }

  async function repeat<T>(call: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await call()
      } catch (error) {
        if (!LogError.is(error) || !['unreachable', 'outcome-unknown', 'unwritable'].includes(error.code))
          throw error
        if (error.code === 'outcome-unknown') unknown += 1
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
      }
    }
  }

  const publishers = Array.from({ length: PUBLISHERS }, (_, i) => publish(`${i}`, nodes[i % nodes.length]!))
  return {
    async more(count) {
      const goal = acknowledged.size + count
      while (acknowledged.size < goal) await new Promise(setImmediate)
    },
    async finish() {
      done.abort()
      const counts = await Promise.all(publishers)
      // Each node may lag behind the others until it is asked how far they are.
      for (const node of nodes) await node.describe()
      const stored = await readAll(nodes[0]!)
      for (const node of nodes) expect(await readAll(node)).toEqual(stored)
      for (const tail of tails) {
        await tail.reach(stored.at(-1)!.offset)
        expect(tail.events).toEqual(stored)
        expect(tail.failures).toEqual([])
      }
      expect(stored).toHaveLength(acknowledged.size)
      expect(new Map(stored.map(({ data, offset }) => [data, offset]))).toEqual(acknowledged)
      for (const [i, count] of counts.entries()) {
        const expected = Array.from({ length: count }, (_, n) => dataOf(`${i}`, n)).flat()
        expect(inTopic(stored, `p/${i}`)).toEqual(expected)
      }
      return { acknowledged: acknowledged.size, repeated, unknown }
    },
  }
}

const dataOf = (name: string, n: number): string[] => [`${name}:${n}a`, `${name}:${n}b`]

function inTopic(events: readonly StoredEvent[], topic: string): string[] {
  return events.filter((event) => event.topic === topic).map(({ data }) => data)
}
