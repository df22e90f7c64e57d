import { LogError } from '@tailrace/log'
import { expect, test } from 'vitest'

import { TailListeners } from '../src/tail-listeners.ts'

function record(listeners: TailListeners): string[] {
  const calls: string[] = []
  listeners.add({
    events: () => calls.push('events'),
    purged: () => calls.push('purged'),
    lost: (through) => calls.push(`lost ${through}`),
    interrupted: ({ message }) => calls.push(`interrupted: ${message}`),
    resumed: () => calls.push('resumed'),
    failed: ({ message }) => calls.push(`failed: ${message}`),
  })
  return calls
}

test('a tail that failed hears of it once, and of nothing after it', () => {
  const listeners = new TailListeners()
  const calls = record(listeners)
  listeners.failed(new LogError('closed', 'The first thread has ended.'))
  listeners.failed(new LogError('closed', 'The second thread has ended.'))
  listeners.purged('a', 1)
  listeners.lost(1)
  expect(calls).toEqual(['failed: The first thread has ended.'])
})

test('an interruption is reported once, however often it is noticed, and so is its end', () => {
  const listeners = new TailListeners()
  const calls = record(listeners)
  const lost = (message: string): LogError => new LogError('unreachable', message)
  listeners.resumed()
  listeners.interrupted(lost('refused'))
  listeners.interrupted(lost('refused again'))
  listeners.resumed()
  listeners.resumed()
  listeners.interrupted(lost('timed out'))
  expect(calls).toEqual(['interrupted: refused', 'resumed', 'interrupted: timed out'])
})
