import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { respondStream } from '@tailrace/http/web'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { formatDialect, formatHeaders } from '../src/index.ts'
import type { FormatName } from '../src/index.ts'

let hub: Hub

beforeEach(async () => {
  hub = await createHub({ log: 'memory:', heartbeatMs: 0, onError: () => undefined })
})
afterEach(() => hub.close())

/** What a reader receives of a stream that an application writes by itself, without ids. */
async function read(format: FormatName, finish: 'end' | 'fail'): Promise<string> {
  const writer = hub.stream('t')
  await writer.write('{"n":1}', { type: 'x' })
  await (finish === 'end' ? writer.end() : writer.fail(new Error('secret')))
  const request = new Request('http://localhost/t')
  const response = await respondStream(hub, request, { topic: 't', dialect: formatDialect(format) })
  return (await response.text()).replaceAll(/^id: .*\n/gm, '')
}

const EVENT = 'event: x\ndata: {"n":1}\n\n'

describe('a stream that an application writes by itself', () => {
  test.each([
    ['openai-chat', `${EVENT}data: [DONE]\n\n`],
    ['ai-sdk', `${EVENT}data: [DONE]\n\n`],
    ['anthropic', EVENT],
    ['openai-responses', EVENT],
    ['raw', EVENT],
  ] as const)('in the format %s ends as its clients expect', async (format, text) => {
    expect((await read(format, 'end')).trimEnd()).toBe(text.trimEnd())
  })

  test.each([
    ['openai-chat', '', { error: { code: 'failed' } }],
    ['openai-responses', 'event: error\n', { type: 'error', code: 'failed', error: { code: 'failed' } }],
    ['anthropic', 'event: error\n', { type: 'error', error: { type: 'api_error', code: 'failed' } }],
    ['ai-sdk', '', { type: 'error', errorText: 'The producer of this stream failed.' }],
    ['raw', 'event: error\n', { code: 'failed' }],
  ] as const)('in the format %s fails as its clients expect', async (format, name, data) => {
    const text = await read(format, 'fail')
    expect(text).not.toContain('secret')
    const [, failure] = text.split(EVENT)
    expect(failure?.startsWith(`${name}data: `)).toBe(true)
    expect(JSON.parse(failure!.split('data: ')[1]!)).toMatchObject(data)
  })
})

test('streams of one format share their frames', () => {
  expect(formatDialect('openai-chat')).toBe(formatDialect('openai-chat'))
  expect(formatDialect('openai-chat').key).not.toBe(formatDialect('anthropic').key)
})

test('only the AI SDK expects a header', () => {
  expect(formatHeaders('ai-sdk')).toEqual({ 'x-vercel-ai-ui-message-stream': 'v1' })
  expect(formatHeaders('openai-chat')).toEqual({})
})
