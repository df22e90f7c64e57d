import { createHub } from '@tailrace/hub'
import { createMemoryLog, LogError } from '@tailrace/log'
import { createScriptedLog } from '@tailrace/testkit'
import { afterEach, expect, test, vi } from 'vitest'

afterEach(() => vi.restoreAllMocks())

const secret = new Error('secret')

test('an error of a producer, which its readers must not see, is written to the error output', async () => {
  const written = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  await using hub = await opened()
  await hub.stream('t').fail(secret)
  expect(written.mock.calls).toEqual([[secret]])
})

test('an application that reports failures itself receives them instead', async () => {
  const written = vi.spyOn(console, 'error')
  const errors: unknown[] = []
  await using hub = await opened({ onError: (error) => errors.push(error) })
  await hub.stream('t').fail(secret)
  hub.report(secret)
  expect([errors, written.mock.calls]).toEqual([[secret, secret], []])
})

test('while the log is interrupted, that it cannot be reached is not reported again', async () => {
  const errors: unknown[] = []
  const scripted = createScriptedLog(createMemoryLog())
  await using hub = await opened({ log: scripted.log, onError: (error) => errors.push(error) })
  const gone = new LogError('unreachable', 'Gone.')
  scripted.interrupt(gone)
  await expect.poll(() => hub.interruption).toBe(gone)
  hub.report(gone)
  hub.report(secret)
  expect(errors).toEqual([secret])
})

async function opened(options: Partial<Parameters<typeof createHub>[0]> = {}) {
  const hub = await createHub({ log: 'memory:', ...options })
  return Object.assign(hub, { [Symbol.asyncDispose]: () => hub.close() })
}
