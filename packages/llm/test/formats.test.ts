import { describe, expect, test } from 'vitest'
import { formatOf } from '../src/formats/index.ts'
import type { FormatName } from '../src/formats/index.ts'

const MIB = 1024 * 1024

function ending(format: FormatName, data: string, type?: string): 'complete' | 'failed' | undefined {
  return formatOf(format).ending({ type, data })
}

describe('the terminal events', () => {
  test.each([
    ['openai-chat', undefined, '[DONE]', 'complete'],
    ['openai-chat', undefined, '{"error":{"message":"overloaded"}}', 'failed'],
    ['openai-chat', undefined, '{"id":"1","choices":[{"delta":{}}], "error" : {"code":502}}', 'failed'],
    ['openai-chat', 'error', '{"message":"overloaded"}', 'failed'],
    ['openai-responses', 'response.completed', '{}', 'complete'],
    ['openai-responses', 'response.incomplete', '{}', 'complete'],
    ['openai-responses', 'response.failed', '{}', 'failed'],
    ['openai-responses', 'error', '{"type":"error"}', 'failed'],
    ['openai-responses', undefined, '{"type":"response.completed","response":{}}', 'complete'],
    ['openai-responses', undefined, '{"sequence_number":3,"type":"error"}', 'failed'],
    ['anthropic', 'message_stop', '{"type":"message_stop"}', 'complete'],
    ['anthropic', 'error', '{"type":"error"}', 'failed'],
    ['ai-sdk', undefined, '[DONE]', 'complete'],
  ] as const)('of %s: %s %s', (format, type, data, expected) => {
    expect(ending(format, data, type)).toBe(expected)
  })

  test.each([
    ['openai-chat', undefined, '{"choices":[{"delta":{"content":"[DONE]"}}]}'],
    ['openai-chat', undefined, '{"choices":[{"delta":{"content":"\\"error\\":{}"}}]}'],
    ['openai-chat', undefined, '{"choices":[{"delta":{"content":"\\\\"},"error":1}]}'],
    ['openai-chat', undefined, '{"choices":[{"finish_reason":"error"}]}'],
    ['openai-chat', undefined, '{"choices":[],"error":null}'],
    ['openai-chat', undefined, '{"choices":[],"reason":"error"}'],
    ['openai-chat', undefined, ' [DONE]'],
    ['openai-chat', 'done', 'not JSON: "error"'],
    ['openai-responses', 'response.created', '{"type":"response.created","response":{"error":null}}'],
    ['openai-responses', undefined, '{"response":{"type":"response.completed"}}'],
    ['anthropic', undefined, '{"type":"message_stop"}'],
    ['anthropic', 'ping', '{"type":"ping"}'],
    ['ai-sdk', undefined, '{"type":"error","errorText":"a tool failed"}'],
    ['raw', undefined, '[DONE]'],
    ['raw', 'error', '{}'],
  ] as const)('of %s do not include: %s %s', (format, type, data) => {
    expect(ending(format, data, type)).toBeUndefined()
  })

  test('are found after strings that end in any number of backslashes', () => {
    for (let count = 0; count < 6; count += 1) {
      const chunk = { text: '\\'.repeat(count), error: { code: 1 } }
      expect(ending('openai-chat', JSON.stringify(chunk))).toBe('failed')
    }
  })

  test('of a name that is not a format are refused', () => {
    expect(() => formatOf('toString' as FormatName)).toThrow(/`format` must be one of openai-chat, /)
  })
})

describe('a frame of 14 MB', () => {
  const CASES = {
    'Base64 next to an error': `{"error":null,"b64_json":"${'QUJD'.repeat(3.5 * MIB)}"}`,
    'escaped quotes': `{"text":"${'\\"'.repeat(7 * MIB)}","error":1}`,
    backslashes: `{"text":"${'\\\\'.repeat(7 * MIB)}","error":1}`,
    brackets: `{"text":${'['.repeat(7 * MIB)}${']'.repeat(7 * MIB)},"error":1}`,
    'names that are nearly right': `{"x":[${'{"error":1},'.repeat(1.2 * MIB)}0],"error":1}`,
    'an unclosed string': `{"error"  "${'x'.repeat(14 * MIB)}`,
    spaces: `{"error"${' '.repeat(14 * MIB)}`,
  }

  /** CPU time of this thread, in microseconds: others use this machine as well. */
  function costOf(work: () => unknown): number {
    const before = process.threadCpuUsage()
    work()
    const { user, system } = process.threadCpuUsage(before)
    return user + system
  }

  /** Looks at as many characters, one by one. */
  function scan(text: string): number {
    let sum = 0
    for (let at = 0; at < text.length; at += 1) sum += text.charCodeAt(at)
    return sum
  }

  test.each(Object.entries(CASES))('of %s costs no more than a few scans', (_, data) => {
    const scanning = costOf(() => expect(scan(data)).toBeGreaterThan(0))
    const recognizing = costOf(() => ending('openai-chat', data))
    // If it looked at anything twice for each character, it would take a million times as long.
    expect(recognizing).toBeLessThan(50 * scanning)
  })
})

describe('a failure', () => {
  test.each(['openai-chat', 'openai-responses', 'anthropic'] as const)(
    'as %s writes it ends an answer of that format',
    (name) => {
      const { type, data } = formatOf(name).failure('upstream-truncated', 'It broke off.')
      expect(ending(name, data, type)).toBe('failed')
      expect(data).toContain('upstream-truncated')
      expect(data).toContain('It broke off.')
    },
  )
})
