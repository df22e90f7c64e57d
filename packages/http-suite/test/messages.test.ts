import { describe, expect, test } from 'vitest'
import { parseFrame } from '../src/frame.ts'
import { requireComplete } from '../src/subject.ts'

describe('a frame that is not in order is refused, and the message shows what is wrong', () => {
  test.each([
    [': ping', 'a comment that is not ":" and one LF between two frames (3.13): ": ping"'],
    ['data: a\n:', 'a comment that is not ":" and one LF between two frames (3.13): ":"'],
    ['data: a\r', String.raw`a CR in "data: a\r"`],
    ['id: 1\nid: 2', 'a second id in one frame: "id: 2"'],
    ['date: 1', 'not a line of a frame: "date: 1"'],
    ['', 'a blank line that ends no frame'],
  ])('%j', (block, message) => {
    expect(() => parseFrame(block)).toThrow(new SyntaxError(message))
  })
})

describe('a subject that lacks what its tests need is refused before they run', () => {
  const subject = { url: 'http://127.0.0.1:1', close: async () => undefined }
  const publish = async (): Promise<string[]> => []

  test('something to publish with', () => {
    expect(() => requireComplete(subject, [])).toThrow(/^The subject cannot publish/)
    expect(requireComplete(subject, ['publish'])).toBe(subject)
    expect(requireComplete({ ...subject, publish }, [])).toEqual({ ...subject, publish })
  })

  test.each([
    ['origins', 'allowedOrigin'],
    ['cors', 'allowedOrigin'],
    ['count', 'openStreams'],
    ['interrupt', 'interrupt'],
    ['drain', 'drain'],
  ] as const)('for the ability %s', (ability, missing) => {
    const message = `For the ability ${ability}, the subject needs \`${missing}\`.`
    expect(() => requireComplete(subject, ['publish', ability])).toThrow(new TypeError(message))
  })
})
