import { expect } from 'vitest'

import { publish } from './reading.ts'
import type { Check } from './subject.ts'

export function testClaims(check: Check): void {
  check('grants a claim to the first who asks, and to nobody else', async ({ log }) => {
    const granted = await Promise.all(Array.from({ length: 20 }, (_, i) => log.claim(`${i % 4}`)))
    expect(granted.filter(Boolean)).toHaveLength(4)
    expect(await log.claim('0')).toBe(false)
    expect(await log.claim('another')).toBe(true)
  })

  check('does not confuse a claim with what is published under the same key', async ({ log }) => {
    await publish(log, 'a', '', { idempotencyKey: 'once' })
    expect(await log.claim('once')).toBe(true)
    const [event] = await log.append([{ topic: 'b', data: '', idempotencyKey: 'once' }])
    expect(event!.duplicate).toBe(false)
  })

  check('a claim leaves nothing to read', async ({ log }) => {
    await log.claim('once')
    const { newest } = await log.describe()
    expect(newest).toBe(0)
    expect(await log.topics({ prefix: '', after: '', limit: 9 })).toEqual([])
  })

  check('has a secret of its own, the same each time', async ({ log }) => {
    const { secret } = await log.describe()
    expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect((await log.describe()).secret).toBe(secret)
  })
}
