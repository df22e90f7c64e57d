import { readFileSync, writeFileSync } from 'node:fs'
import { openSqliteLog } from '@tailrace/log'
import { expectRejection, rejection } from '@tailrace/log-suite'
import { describe, expect, test } from 'vitest'
import { allOf, answersOf, useLogs } from './logs.ts'
import { MemorySequence } from './memory-sequencer.ts'

const logs = useLogs()
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('records of others', () => {
  test('are skipped, and reported once', async () => {
    const sequence = new MemorySequence()
    const sentences: string[] = []
    const log = await logs.open(sequence, { warn: (sentence) => sentences.push(sentence) })
    await log.append([{ topic: 'a', data: '1' }])
    for (const text of ['hello', '{"tailrace":1,"entries":[]}', '']) sequence.append(bytes(text))
    await log.append([{ topic: 'a', data: '2' }])
    expect((await allOf(log, 'read')).map(({ data }) => data)).toEqual(['1', '2'])
    expect(sentences).toEqual([expect.stringContaining('position 3')])
    const again = await logs.open(sequence)
    expect(await answersOf(again, ['a'])).toEqual(await answersOf(log, ['a']))
  })

  test('are no log: where there are only such, none is begun', async () => {
    const sequence = new MemorySequence()
    for (const text of ['a', 'b']) sequence.append(bytes(text))
    const error = await expectRejection(logs.open(sequence), 'foreign')
    expect(error.details).toEqual({ records: 2 })
    expect(sequence.records).toHaveLength(2)
  })

  test('change nothing if they are like ours, and know another log', async () => {
    const sequence = new MemorySequence()
    const log = await logs.open(sequence)
    await log.append([{ topic: 'a', data: '1' }])
    const head = '{"tailrace":1,"epoch":"other","node":"evil","number":'
    sequence.append(bytes(`${head}1,"entries":[["purge","a"]]}`))
    sequence.append(bytes(`${head}2,"entries":[["genesis","other","${'x'.repeat(43)}",1],["purge","a"]]}`))
    await log.append([{ topic: 'a', data: '2' }])
    expect(await allOf(log, 'read')).toHaveLength(2)
  })

  test('stop a node if a newer version wrote them, and leave its index as it is', async () => {
    const sequence = new MemorySequence()
    const log = await logs.open(sequence, { name: 'one' })
    await log.append([{ topic: 'a', data: '1' }])
    const tail = Promise.withResolvers<unknown>()
    const unused = (): void => {}
    await log.tail({
      events: unused,
      purged: unused,
      lost() {},
      interrupted: tail.resolve,
      resumed: unused,
      failed: unused,
    })
    sequence.append(bytes('{"tailrace":2}'))
    expect(await tail.promise).toMatchObject({ code: 'incompatible', details: { position: 3 } })
    expect(await rejection(log.read({ selectors: ['a'], after: 0, limit: 1, maxBytes: 1 }))).toMatchObject({
      code: 'incompatible',
    })
    await log.close()
    await expectRejection(logs.open(sequence, { name: 'one' }), 'incompatible')
    sequence.records.pop()
    sequence.newest -= 1
    expect(await allOf(await logs.open(sequence, { name: 'one' }), 'read')).toHaveLength(1)
  })
})

describe('an index', () => {
  test('of another log is refused by name, and stays as it is', async () => {
    const [one, other] = [new MemorySequence(), new MemorySequence()]
    const log = await logs.open(one, { name: 'one' })
    await log.append([{ topic: 'a', data: '1' }])
    await log.close()
    const error = await expectRejection(logs.open(other, { name: 'one' }), 'foreign')
    expect(error.message).toContain(logs.path('one'))
    expect(error.message).toContain(one.identity)
    expect(other.records).toEqual([])
    expect(await allOf(await logs.open(one, { name: 'one' }), 'read')).toHaveLength(1)
  })

  test('is not made of a SQLite log, nor of any other file', async () => {
    const sqlite = await openSqliteLog({ path: logs.path('log') })
    await sqlite.append([{ topic: 'a', data: '1' }])
    await sqlite.close()
    writeFileSync(
      logs.path('text'),
      'a text that is longer than the header of a database, which has 100 bytes'.repeat(9),
    )
    for (const name of ['log', 'text']) {
      const before = readFileSync(logs.path(name))
      const error = await expectRejection(logs.open(new MemorySequence(), { name }), 'foreign')
      expect(error.message).toContain(logs.path(name))
      expect(readFileSync(logs.path(name)).equals(before)).toBe(true)
    }
  })

  test('needs a folder that can be made', async () => {
    writeFileSync(logs.path('file'), '')
    const error = await expectRejection(
      logs.open(new MemorySequence(), { index: `${logs.path('file')}/one.index` }),
      'cannot-open',
    )
    expect(error.message).toContain(logs.path('file'))
  })

  test('belongs to one node at a time', async () => {
    const sequence = new MemorySequence()
    await logs.open(sequence, { name: 'one' })
    const error = await expectRejection(logs.open(sequence, { name: 'one' }), 'locked')
    expect(error.message).toContain(logs.path('one'))
  })

  test('that was deleted is built again', async () => {
    const sequence = new MemorySequence()
    const log = await logs.open(sequence, { name: 'one' })
    await log.append([{ topic: 'a', data: '1' }])
    const before = await answersOf(log, ['a'])
    await log.close()
    expect(await answersOf(await logs.open(sequence, { name: 'two' }), ['a'])).toEqual(before)
  })
})

test('nodes that begin a log at the same time begin the same one', async () => {
  const sequence = new MemorySequence({ isLate: true })
  const nodes = await Promise.all(Array.from({ length: 4 }, () => logs.open(sequence)))
  const epochs = await Promise.all(nodes.map(async (node) => (await node.describe()).epoch))
  expect(new Set(epochs).size).toBe(1)
  expect(new Set(await Promise.all(nodes.map((node) => node.shared.secret()))).size).toBe(1)
  for (const node of nodes) await node.append([{ topic: 'a', data: '' }])
  expect(await allOf(nodes[0]!, 'read')).toHaveLength(4)
})
