import { expect } from 'vitest'

import { dataOf, readAll } from './reading.ts'
import type { Check } from './subject.ts'

const TOPICS = [
  'a',
  'a/b',
  'a/b/c',
  'a/b/c/d',
  'a/x',
  'ab',
  'ab/c',
  'a-b/c',
  'a0',
  'b',
  'b/b',
  'b/b/c',
  'A/b',
]

const SELECTED: readonly (readonly [selector: string, topics: readonly string[]])[] = [
  ['a', ['a']],
  ['a/b', ['a/b']],
  ['none', []],
  ['*', ['a', 'ab', 'a0', 'b']],
  ['a/*', ['a/b', 'a/x']],
  ['*/b', ['a/b', 'b/b', 'A/b']],
  ['*/b/*', ['a/b/c', 'b/b/c']],
  ['a/*/c', ['a/b/c']],
  ['a/**', ['a', 'a/b', 'a/b/c', 'a/b/c/d', 'a/x']],
  ['a/b/**', ['a/b', 'a/b/c', 'a/b/c/d']],
  ['*/b/**', ['a/b', 'a/b/c', 'a/b/c/d', 'b/b', 'b/b/c', 'A/b']],
  ['*/*/**', TOPICS.filter((topic) => topic.includes('/'))],
  ['**', TOPICS],
]

/** Characters that are special to the patterns, collation or escaping of some engines, and ordinary in a name. */
const AWKWARD_NAMES = [
  'a%b',
  'a_b',
  'a?b',
  'a[b]',
  'a{b}',
  'a.b',
  'a>b',
  'a:b',
  'a b',
  "a'b",
  'a"b',
  'a\\b',
  '$a',
  '#a',
  '-a',
  'É',
  'e\u0301',
  'é',
  '\uffee',
  '😀',
  '\u{10ffff}',
  'x'.repeat(256),
]

export function testSelectors(check: Check): void {
  check('reads the topics that a selector selects, and no other', async ({ log }) => {
    await log.append(TOPICS.map((topic) => ({ topic, data: topic })))
    const read: [string, string[]][] = []
    for (const [selector] of SELECTED) {
      read.push([selector, dataOf(await readAll(log, [selector], { limit: 2 }))])
    }
    expect(read).toEqual(SELECTED)
  })

  check('reads an event that several selectors match once', async ({ log }) => {
    await log.append(TOPICS.map((topic) => ({ topic, data: topic })))
    for (const selectors of [
      ['a/b', 'a/b'],
      ['a/b', 'a/*', '*/b', 'a/**'],
      ['a', '**', '*'],
    ]) {
      const expected = SELECTED.filter(([selector]) => selectors.includes(selector)).flatMap(
        ([, topics]) => topics,
      )
      const events = await readAll(log, selectors, { limit: 3 })
      expect(dataOf(events)).toEqual(TOPICS.filter((topic) => expected.includes(topic)))
    }
  })

  check('reads a hundred selectors at once', async ({ log }) => {
    const topics = Array.from({ length: 200 }, (_, i) => `t/${i}`)
    await log.append(topics.map((topic) => ({ topic, data: topic })))
    const selectors = topics.filter((_, i) => i % 2 === 1)
    expect(dataOf(await readAll(log, selectors, { limit: 30 }))).toEqual(selectors)
  })

  check('matches every name exactly as it is spelled', async ({ log }) => {
    await log.append(AWKWARD_NAMES.map((topic) => ({ topic, data: topic })))
    await log.append([
      { topic: 'a/b', data: '' },
      ...['axb', 'aXb', 'a1b'].map((topic) => ({ topic, data: '' })),
    ])
    for (const name of AWKWARD_NAMES) {
      const events = await readAll(log, [name])
      expect(events.map(({ topic }) => topic)).toEqual([name])
    }
  })

  check('takes every name for one segment of a pattern', async ({ log }) => {
    const topics = [...AWKWARD_NAMES.filter((name) => name.length < 200), 'plain']
    await log.append(
      topics.flatMap((name) => [name, `${name}/1`, `p/${name}`].map((topic) => ({ topic, data: topic }))),
    )
    expect(dataOf(await readAll(log, ['*']))).toEqual(topics)
    expect(dataOf(await readAll(log, ['p/*']))).toEqual(topics.map((name) => `p/${name}`))
    for (const name of topics) {
      expect(dataOf(await readAll(log, [`${name}/*`]))).toEqual([`${name}/1`])
      expect(dataOf(await readAll(log, [`${name}/**`]))).toEqual([name, `${name}/1`])
    }
  })
}
