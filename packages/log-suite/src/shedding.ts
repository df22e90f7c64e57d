import { expect } from 'vitest'

import { offsetsOf, publish, query, readAll } from './reading.ts'
import type { Check } from './subject.ts'

export function testShedding(check: Check): void {
  check('shows what the engine removed by itself as lost', async ({ log, shed }) => {
    const first = await publish(log, 'a', '1')
    const second = await publish(log, 'b', '2')
    await shed()
    for (const [selectors, lost] of [
      [['a'], first],
      [['b'], second],
      [['a', 'b'], second],
      [['**'], second],
    ] as const) {
      const page = await log.read(query(selectors))
      expect(page.lostThrough).toBeGreaterThanOrEqual(lost)
      expect(page.losses).toBeGreaterThan(0)
      expect(offsetsOf(page.events)).not.toContain(lost)
    }
  })

  check('counts each removal of the engine as a separate loss', async ({ log, shed }) => {
    let before = (await log.read(query(['**']))).losses
    for (let round = 0; round < 3; round += 1) {
      await publish(log, 'a', `${round}`)
      await shed()
      const { losses } = await log.read(query(['**']))
      expect(losses).toBeGreaterThan(before)
      before = losses
    }
  })

  check('moves its oldest offset up by what the engine removed', async ({ log, shed }) => {
    const offset = await publish(log, 'a', '1')
    await shed()
    const { oldest, newest } = await log.describe()
    expect(oldest).toBeGreaterThan(offset)
    expect(oldest).toBeLessThanOrEqual(newest + 1)
    const left = await readAll(log, ['**'])
    expect(left.every((event) => event.offset >= oldest)).toBe(true)
  })
}
