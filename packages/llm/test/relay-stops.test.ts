import { createWebSink } from '@tailrace/http/web'
import { createHub } from '@tailrace/hub'
import { describe, expect, test } from 'vitest'
import { formatDialect, relay } from '../src/index.ts'
import type { Upstream } from '../src/index.ts'
import {
  ask,
  beforeRelaying,
  CHAT,
  failureOf,
  frames,
  hub,
  MAX_EVENT_BYTES,
  reply,
  stored,
  upstream,
} from './relaying.ts'
import { sends } from './scripted-upstream.ts'

beforeRelaying()

describe('an event that is larger than the hub accepts', () => {
  test.each([
    ['a little', MAX_EVENT_BYTES + 1, '\n\ndata: [DONE]\n\n'],
    ['a little, in characters of several bytes', MAX_EVENT_BYTES / 2 + 1, '\n\ndata: [DONE]\n\n'],
    ['much, and not complete', 40 * MAX_EVENT_BYTES, ''],
  ])(
    'by %s ends the stream, after what came before it, and the connection is closed',
    async (_, length, end) => {
      const asked = reply()
      const relayed = relay(hub, ask, CHAT)
      const { write, closed } = await asked
      await write(`data: before\n\ndata: ${'é'.repeat(length)}${end}`)
      expect(await failureOf(relayed)).toMatchObject({
        code: 'event-too-large',
        details: { maxEventBytes: MAX_EVENT_BYTES },
      })
      await closed
      const [before, failed, ...rest] = await stored()
      expect([before?.data, failed?.type, rest]).toEqual(['before', 'tailrace.failed', []])
      expect(JSON.parse(failed!.data)).toMatchObject({ code: 'event-too-large' })
    },
  )

  test('and incomplete ends the stream after what came before it in the same chunk', async () => {
    const small = await createHub({ log: 'memory:', maxEventBytes: 100 })
    upstream.script = sends(`data: before\n\ndata: ${'x'.repeat(2_000)}`)
    const { code } = await failureOf(relay(small, ask, CHAT))
    expect([code, await frames('answer', small)]).toEqual([
      'event-too-large',
      ['before', ['tailrace.failed', expect.stringContaining('event-too-large')]],
    ])
    await small.close()
  })

  test('is one that cannot be named in a frame: it ends the stream as well', async () => {
    upstream.script = sends('event: tailrace.end\ndata: {}\n\n')
    await expect(relay(hub, ask, CHAT).done).rejects.toMatchObject({ code: 'reserved-type' })
    expect(await frames()).toEqual([['tailrace.failed', expect.stringContaining('"failed"')]])
  })

  test('of 14 MB is stored as it was sent if the limit of the hub is raised', async () => {
    const large = await createHub({ log: 'memory:', maxEventBytes: 15_000_000 })
    const data = `{"type":"image","b64_json":"${'aGVsbG8g'.repeat(1_750_000)}"}`
    upstream.script = sends(`event: image\ndata: ${data}\n\ndata: [DONE]\n\n`, 256 * 1024)
    await relay(large, ask, CHAT).done
    const history = await large.read({ selectors: ['answer'], limit: 10 }, new AbortController().signal)
    if ('gap' in history) throw new Error('gap')
    expect(history.events[1]!.data === data).toBe(true)
    await large.close()
  })
})

describe('a relay that is cancelled', () => {
  const WAYS: Record<string, (controller: AbortController) => unknown> = {
    'its signal': (controller) => controller.abort(),
    'hub.cancelStream': () => hub.cancelStream('answer'),
  }
  const CANCELLED = ['tailrace.failed', expect.stringContaining('cancelled')]

  test.each(
    Object.entries(WAYS).flatMap(([way, cancel]) => [
      [way, 'a function', (): Upstream => ask, cancel] as const,
      [way, 'a promise', (): Upstream => ask(), cancel] as const,
    ]),
  )('by %s closes the connection to the API, which %s has opened', async (_way, _form, form, cancel) => {
    const controller = new AbortController()
    const asked = reply()
    const relayed = relay(hub, form(), { ...CHAT, signal: controller.signal })
    const { write, closed } = await asked
    await write('data: x\n\n')
    await expect.poll(() => frames()).toEqual(['x'])
    await cancel(controller)
    await expect(relayed.done).rejects.toMatchObject({ code: 'stream-over' })
    await closed
    expect(await frames()).toEqual(['x', CANCELLED])
  })

  test('before the API has responded closes the connection as well', async () => {
    const asked = reply()
    const relayed = relay(hub, ask, CHAT)
    const { closed } = await asked
    await hub.cancelStream('answer')
    await expect(relayed.done).rejects.toMatchObject({ code: 'stream-over' })
    await closed
    expect(await frames()).toEqual([CANCELLED])
  })

  test('lets go of a response that arrives afterwards', async () => {
    const asked = reply()
    const relayed = relay(hub, ask(), CHAT)
    const { head, closed } = await asked
    await relayed.opened
    await hub.cancelStream('answer')
    await expect(relayed.done).rejects.toMatchObject({ code: 'stream-over' })
    head()
    await closed
  })

  test('because the hub closes lets go of the API', async () => {
    const asked = reply()
    const relayed = relay(hub, ask, CHAT)
    const { write, closed } = await asked
    await write('data: x\n\n')
    await expect.poll(() => frames()).toEqual(['x'])
    await hub.close()
    await expect(relayed.done).rejects.toMatchObject({ name: 'HubError' })
    await closed
  })
})

test('readers that leave do not end a relay', async () => {
  const asked = reply()
  const relayed = relay(hub, ask, CHAT)
  const { write, end } = await asked
  await write('data: x\n\n')
  const subscription = {
    selectors: ['answer'],
    dialect: formatDialect('openai-chat'),
    start: { at: 'oldest' },
  } as const
  for (let reader = 0; reader < 3; reader += 1) {
    const sink = createWebSink()
    await hub.subscribe(subscription, () => sink)
    const body = sink.body.getReader()
    expect(new TextDecoder().decode((await body.read()).value)).toContain('data: x\n')
    await body.cancel()
  }
  await write('data: [DONE]\n\n')
  end()
  expect((await relayed.done).events).toBe(2)
})
