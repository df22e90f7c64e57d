import type { NewEvent } from '@tailrace/log'
import { createRandom } from '@tailrace/testkit'
import { encodeEntry, encodeRecord } from '../src/record/encode.ts'
import type { Entry } from '../src/record/record.ts'
import { MemorySequence } from './memory-sequencer.ts'

/** A sequence of records that is the same each time, in every process. */
export function manyRecords(seed: number, count: number): MemorySequence {
  const random = createRandom(seed)
  const sequence = new MemorySequence()
  const epoch = 'many'
  const event = (): NewEvent => ({
    topic: `t/${random.int(0, 40)}`,
    data: 'x'.repeat(random.int(0, 40)),
    key: random.int(0, 3) === 0 ? `${random.int(0, 9)}` : undefined,
    idempotencyKey: random.int(0, 3) === 0 ? `${random.int(0, 99)}` : undefined,
  })
  function entries(number: number): Entry[] {
    if (number === 1) return [{ kind: 'genesis', epoch, secret: 'x'.repeat(43), after: 0 }]
    if (number % 50 === 0) return [{ kind: 'purge', topic: `t/${random.int(0, 40)}` }]
    return [{ kind: 'batch', events: Array.from({ length: random.int(1, 4) }, event) }]
  }
  for (let number = 1; number <= count; number += 1) {
    sequence.append(
      encodeRecord({ epoch, node: 'writer', number, time: number }, entries(number).map(encodeEntry)),
    )
  }
  sequence.identity = `many-${seed}`
  return sequence
}
