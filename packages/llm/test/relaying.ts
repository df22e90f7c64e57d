import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import type { StoredEvent } from '@tailrace/log'
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import type { RelayError, RelayOptions } from '../src/index.ts'
import { startUpstream } from './scripted-upstream.ts'
import type { Reply, ScriptedUpstream } from './scripted-upstream.ts'

export const MAX_EVENT_BYTES: number = 64 * 1024

export const CHAT: RelayOptions = { topic: 'answer', format: 'openai-chat' }

export let upstream: ScriptedUpstream
export let hub: Hub

/** Starts an API for all tests of a file, and a hub for each. */
export function beforeRelaying(): void {
  beforeAll(async () => {
    upstream = await startUpstream()
  })
  afterAll(() => upstream.close())
  beforeEach(async () => {
    hub = await createHub({ log: 'memory:', maxEventBytes: MAX_EVENT_BYTES })
  })
  afterEach(() => hub.close())
}

export function ask(signal?: AbortSignal): Promise<Response> {
  return fetch(upstream.url, { method: 'POST', ...(signal && { signal }) })
}

/** The reply that a relay gets, as soon as it has asked. */
export function reply(): Promise<Reply> {
  return new Promise((resolve) => {
    upstream.script = resolve
  })
}

/** What is stored, without the event that opens the stream: the data, or the type and the data. */
export async function frames(topic = 'answer', on: Hub = hub): Promise<unknown[]> {
  return (await stored(topic, on)).map(({ type, data }) => (type === undefined ? data : [type, data]))
}

export async function stored(topic = 'answer', on: Hub = hub): Promise<readonly StoredEvent[]> {
  const history = await on.read({ selectors: [topic], limit: 1000 }, new AbortController().signal)
  if ('gap' in history) throw new Error(history.gap.reason)
  const [opened, ...events] = history.events
  expect(opened?.type ?? 'tailrace.opened').toBe('tailrace.opened')
  return events
}

export async function failureOf({ done }: { done: Promise<unknown> }): Promise<RelayError> {
  return done.then(
    () => expect.fail('the relay succeeded'),
    (error: RelayError) => error,
  )
}
