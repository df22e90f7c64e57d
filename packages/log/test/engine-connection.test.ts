import { LogError } from '@tailrace/log'
import type { StoredEvent, TailListener } from '@tailrace/log'
import { Durability, EngineConnection, requireEncoded, withoutCredentials } from '@tailrace/log/adapter'
import type { Session } from '@tailrace/log/adapter'
import { expect, test } from 'vitest'

interface Attempt extends Session {
  lose(reason: LogError): void
  readonly isClosed: () => boolean
}

function attempt(): Attempt {
  const { promise, resolve } = Promise.withResolvers<LogError>()
  let isClosed = false
  return {
    lost: promise,
    lose: resolve,
    isClosed: () => isClosed,
    async close() {
      isClosed = true
      resolve(new LogError('closed', 'closed'))
    },
  }
}

function recorder(): TailListener & { readonly seen: string[] } {
  const seen: string[] = []
  return {
    seen,
    events: (events: readonly StoredEvent[]) => void seen.push(`${events.length} events`),
    purged: (topic) => void seen.push(`purged ${topic}`),
    lost: (through) => void seen.push(`lost ${through}`),
    interrupted: ({ message }) => void seen.push(`interrupted: ${message}`),
    resumed: () => void seen.push('resumed'),
    failed: ({ message }) => void seen.push(`failed: ${message}`),
  }
}

const away = (message: string): LogError => new LogError('unreachable', message)

test('opens while the engine cannot be reached, and connects later', async () => {
  const first = attempt()
  let tries = 0
  const connection = await EngineConnection.open<Attempt>({
    async connect() {
      tries += 1
      if (tries < 4) throw away(`try ${tries}`)
      return first
    },
    connected: () => {},
  })
  expect(() => connection.session).toThrow('try 1')
  await expect.poll(() => connection.reason).toBeUndefined()
  expect(connection.session).toBe(first)
  expect(tries).toBe(4)
  await connection.close()
  expect(first.isClosed()).toBe(true)
  expect(() => connection.session).toThrow('The log is closed.')
})

test('does not open if the engine rejects it', async () => {
  const opening = EngineConnection.open({
    connect: () => Promise.reject(new LogError('unauthorized', 'wrong password')),
    connected: () => {},
  })
  await expect(opening).rejects.toMatchObject({ code: 'unauthorized' })
})

test('tells its tails of each interruption once, and resumes before it reports events', async () => {
  const attempts = [attempt(), attempt()]
  const log = recorder()
  let next = 0
  let isRefusing = false
  let report: (() => void) | undefined
  const connection = await EngineConnection.open<Attempt>({
    async connect() {
      if (isRefusing) throw new LogError('unauthorized', 'the password has changed')
      next += 1
      return attempts[next - 1]!
    },
    connected: () => report?.(),
  })
  connection.tails.add(log)
  report = () => connection.tails.events([{} as StoredEvent])
  isRefusing = true
  attempts[0]!.lose(away('cut'))
  await expect.poll(() => connection.reason?.message).toBe('the password has changed')
  expect(attempts[0]!.isClosed()).toBe(true)
  isRefusing = false
  await expect.poll(() => connection.reason).toBeUndefined()
  expect(log.seen).toEqual(['interrupted: cut', 'resumed', '1 events'])
  await connection.close()
})

test('connects less and less often to an engine that ends each session at once', async () => {
  const pauses: number[] = []
  let lostAt: number | undefined
  const enough = Promise.withResolvers<void>()
  const connection = await EngineConnection.open<Attempt>({
    async connect() {
      if (lostAt !== undefined) pauses.push(performance.now() - lostAt)
      if (pauses.length === 6) enough.resolve()
      return attempt()
    },
    connected(session) {
      lostAt = performance.now()
      session.lose(away('refused again'))
    },
  })
  await enough.promise
  await connection.close()
  // 50 ms, doubled five times, and varied by a half: 800 ms or more.
  expect(pauses[5]! / pauses[0]!).toBeGreaterThan(4)
})

test('ends for good when the engine holds another log', async () => {
  const [first, log] = [attempt(), recorder()]
  let isReplaced = false
  const connection = await EngineConnection.open<Attempt>({
    async connect() {
      if (isReplaced) throw new LogError('replaced', 'another log')
      return first
    },
    connected: () => {},
  })
  connection.tails.add(log)
  isReplaced = true
  first.lose(away('cut'))
  await expect.poll(() => log.seen).toEqual(['interrupted: cut', 'failed: another log'])
  expect(() => connection.session).toThrow('another log')
  await connection.close()
})

test('closes while it connects, and leaves nothing open', async () => {
  const [first, second] = [attempt(), attempt()]
  const connecting = Promise.withResolvers<Attempt>()
  let tries = 0
  const connection = await EngineConnection.open<Attempt>({
    connect() {
      tries += 1
      return tries === 1 ? Promise.resolve(first) : connecting.promise
    },
    connected: () => {},
  })
  first.lose(away('cut'))
  await expect.poll(() => tries).toBe(2)
  const closed = connection.close()
  connecting.resolve(second)
  await closed
  expect(second.isClosed()).toBe(true)
})

test('prints no credentials', () => {
  for (const [url, printed] of [
    ['redis://host:6379', 'redis://host:6379'],
    ['redis://user:pass@host:6379/2?password=x', 'redis://***@host:6379/2'],
    ['redis://:p@ss/w@a:1,b:2/main', 'redis://***@a:1,b:2/main'],
    ['redis://user:p?ss@host/0', 'redis://***'],
    ['redis://host/0?password=p@ss', 'redis://***'],
    ['redis:user:pass@host', 'redis:***@host'],
    ['user:pass@host', 'user:***@host'],
    ['sqlite:tailrace.db', 'sqlite:tailrace.db'],
  ] as const) {
    expect(withoutCredentials(url)).toBe(printed)
  }
})

test('accepts no URL in which a password could be taken for a parameter', () => {
  for (const url of ['redis://user:12?secret@host', 'redis://host/0?password=s@secret']) {
    expect(() => requireEncoded(url)).toThrow(RangeError)
    expect(() => requireEncoded(url)).not.toThrow('secret')
  }
  expect(() => requireEncoded('redis://user:p%3Fss@host/0?prefix=a')).not.toThrow()
})

test('warns once of each setting that could lose events, or refuses them all', () => {
  const warned: string[] = []
  const durability = new Durability({ warn: (sentence) => void warned.push(sentence) })
  durability.assert(['a', 'b'])
  durability.assert(['b', 'c'])
  expect(warned).toEqual(['a', 'b', 'c'])
  const strict = new Durability({ requireDurable: true })
  strict.assert([])
  expect(() => strict.assert(['a', 'b'])).toThrow(expect.objectContaining({ code: 'not-durable' }))
})
