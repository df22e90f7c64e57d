import { expect, test } from 'vitest'
import { publish, subscribe, tabs } from '@tailrace/client'
import type { PublishOptions, SubscribeOptions } from '@tailrace/client'
import { startScripted, stream } from './scripted-server.ts'

const URL_OF_NOBODY = 'http://localhost/'

test.each<[keyof SubscribeOptions, unknown]>([
  ['openTimeoutMs', -1],
  ['stableAfterMs', NaN],
  ['readTimeoutMs', -1],
  ['maxQueuedEvents', 0],
  ['maxEventLength', 0],
  ['maxEventLength', 1.5],
  ['maxEventLength', 2 ** 28 + 1],
  ['maxEventLength', Infinity],
])('%s: %d is refused at once', (option, value) => {
  expect(() => subscribe(URL_OF_NOBODY, { [option]: value })).toThrow(
    expect.objectContaining({ code: 'invalid-option', option }),
  )
})

test('an option that there is not is refused at once, also where it is inherited', async () => {
  const typo = { onerror: () => {} } as SubscribeOptions
  for (const options of [typo, Object.create(typo) as SubscribeOptions]) {
    expect(() => subscribe(URL_OF_NOBODY, options)).toThrow(
      expect.objectContaining({ code: 'invalid-option', option: 'onerror' }),
    )
  }
  await expect(publish(URL_OF_NOBODY, { data: 'x' }, { retries: 3 } as PublishOptions)).rejects.toMatchObject(
    {
      code: 'invalid-option',
      option: 'retries',
    },
  )
})

test.each([undefined, 'GET', 'get', 'HEAD'])('a body is refused with the method %s', (method) => {
  expect(() => subscribe(URL_OF_NOBODY, { method, body: 'x' })).toThrow(
    expect.objectContaining({ code: 'invalid-option', option: 'body' }),
  )
})

test('get is GET: it can be shared', async () => {
  const subscription = subscribe(URL_OF_NOBODY, { method: 'get', share: tabs })
  subscription.close()
  await expect(subscription.closed).resolves.toBeUndefined()
})

test('a time that no timer could hold is clamped', async () => {
  await using server = await startScripted((response) => {
    setTimeout(() => stream(response, 'data: late\n\n'), 50)
  })
  const told: string[] = []
  for await (const item of subscribe(server.url, { openTimeoutMs: Infinity })) {
    told.push(item.kind)
    if (item.kind === 'event') break
  }
  expect(told).toEqual(['event'])
})
