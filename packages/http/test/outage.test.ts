import { HttpError } from '@tailrace/http'
import { createMemoryLog, LogError } from '@tailrace/log'
import { expect, test } from 'vitest'
import { startServing } from './serving.ts'

test('keys that cannot be had are told as such to each client, and to the operator once in a while', async () => {
  const message = 'The keys cannot be had.'
  await using serving = await startServing({
    gate: { identify: () => Promise.reject(new HttpError('keys-unavailable', message)) },
  })
  for (let i = 0; i < 3; i += 1) {
    const response = await fetch(`${serving.url}/topics/t`)
    expect(response.headers.get('retry-after')).toBe('1')
    expect(await response.json()).toMatchObject({ status: 503, code: 'keys-unavailable', detail: message })
  }
  expect(serving.errors).toEqual([expect.objectContaining({ code: 'keys-unavailable' })])
})

test('a disk that is full is told to each publisher, and to the operator once in a while', async () => {
  const log = createMemoryLog()
  const full = new LogError('full', 'The disk is full.')
  await using serving = await startServing({ log: { ...log, append: () => Promise.reject(full) } })
  for (let i = 0; i < 20; i += 1) {
    const response = await fetch(`${serving.url}/topics/t`, { method: 'POST', body: 'x' })
    expect(await response.json()).toMatchObject({ status: 503, code: 'full' })
  }
  expect(serving.errors).toEqual([full])
})

test('a hub that is about to stop says so, and not that its log has failed', async () => {
  await using serving = await startServing({ gate: { isDraining: true } })
  expect(await (await fetch(`${serving.url}/readyz`)).json()).toMatchObject({
    code: 'draining',
    detail: 'This hub is shutting down.',
  })
  expect(serving.errors).toEqual([])
})

test('a batch that is too large for the engine of the log is refused with its limit', async () => {
  const log = createMemoryLog()
  const tooLarge = new LogError('too-large', 'The batch has 9 bytes, and the engine accepts 8.', {
    details: { limit: 8 },
  })
  await using serving = await startServing({ log: { ...log, append: () => Promise.reject(tooLarge) } })
  const response = await fetch(`${serving.url}/topics/t`, { method: 'POST', body: 'x' })
  expect(await response.json()).toMatchObject({ status: 413, code: 'too-large', limit: 8 })
  expect((await fetch(`${serving.url}/readyz`)).status).toBe(200)
  expect(serving.errors).toEqual([])
})

test.each(['not-durable', 'replaced', 'unauthorized', 'incompatible', 'busy'] as const)(
  'what the log refuses as %s is refused with this code, and without the details',
  async (code) => {
    const log = createMemoryLog()
    const error = new LogError(code, 'See /etc/secret.', { details: { path: '/etc/secret' } })
    await using serving = await startServing({ log: { ...log, append: () => Promise.reject(error) } })
    const response = await fetch(`${serving.url}/topics/t`, { method: 'POST', body: 'x' })
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
    const text = await response.text()
    expect(JSON.parse(text)).toMatchObject({ code })
    expect(text).not.toContain('secret')
  },
)
