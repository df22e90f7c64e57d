import { base64 } from '@tailrace/client'
import { expect, test } from 'vitest'

test('base64 becomes the bytes that were encoded', () => {
  const bytes = Uint8Array.from({ length: 1_000 }, (_, i) => i)
  expect(base64('chunk', Buffer.from(bytes).toString('base64'))).toEqual(bytes)
  expect(base64('chunk', '')).toEqual(new Uint8Array())
})

test.each(['*', 'A', 'AAAA=', '"AAAA"', '-_-_', 'ü'])('%j is not base64', (text) => {
  expect(() => base64('chunk', text)).toThrow(
    expect.objectContaining({ name: 'ClientError', code: 'invalid-event', type: 'chunk', text }),
  )
})
