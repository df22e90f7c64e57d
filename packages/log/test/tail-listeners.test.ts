import { LogError } from '@tailrace/log'
import { expect, test } from 'vitest'

import { TailListeners } from '../src/tail-listeners.ts'

test('a tail that failed is told so once, and nothing after it', () => {
  const listeners = new TailListeners()
  const told: string[] = []
  listeners.add({
    events: () => told.push('events'),
    purged: () => told.push('purged'),
    failed: ({ message }) => told.push(message),
  })
  listeners.failed(new LogError('closed', 'The first thread has ended.'))
  listeners.failed(new LogError('closed', 'The second thread has ended.'))
  listeners.purged('a', 1)
  expect(told).toEqual(['The first thread has ended.'])
})
