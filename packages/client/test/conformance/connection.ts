import { casesOf } from './case.ts'
import type { Case } from './case.ts'
import { first, story } from './runs.ts'

const EVENTS = 'data: 1\n\ndata: done\n\n'
const OPENED = ['open 1', 'message 1 1']
const PLAIN = { bubbles: false, cancelable: false, isOfSource: true }
const FAILED = ['error 2']

/** What becomes of the response. */
export const connection: readonly Case[] = [
  ...casesOf(
    { section: '9.2.2', sentence: "if res's status is not 200, then fail the connection" },
    [201, 202, 204, 205, 206, 302, 304, 400, 401, 403, 404, 410, 429, 500, 502, 503, 504].map((status) => ({
      about: String(status),
      answers: [{ status, ...([204, 205, 304].includes(status) ? {} : { body: EVENTS }) }],
      run: story,
      expected: FAILED,
    })),
  ),
  ...casesOf(
    {
      section: '9.2.2',
      sentence: "if res's `Content-Type` is not `text/event-stream`, then fail the connection",
    },
    [
      '',
      'text/plain',
      'text/html; charset=utf-8',
      'application/json',
      'application/octet-stream',
      'text/event-stream-not',
      'x-text/event-stream',
      'event-stream',
      'text/plain; text/event-stream',
    ].map((type) => ({
      about: type || 'no header',
      answers: [{ type, body: EVENTS, ending: 'end' as const }],
      run: story,
      expected: FAILED,
    })),
  ),
  ...casesOf(
    {
      section: '9.2.2',
      sentence: "otherwise, announce the connection and interpret res's body line by line",
    },
    [
      'text/event-stream',
      'Text/EVENT-stream',
      'text/event-stream;charset=utf-8',
      'text/event-stream; charset="UTF-8"',
      'text/event-stream ; parameter=1',
      'text/event-stream;',
    ].map((type) => ({ about: type, answers: [{ type, body: EVENTS }], run: story, expected: OPENED })),
  ),
  {
    section: '9.2.2',
    sentence: "otherwise, announce the connection and interpret res's body line by line",
    about: 'whatever charset the type says',
    answers: [{ type: 'text/event-stream; charset=windows-1252', body: `data: \u00e9\n\ndata: done\n\n` }],
    run: story,
    expected: ['open 1', 'message 1 \u00e9'],
    differs: {
      native: { result: FAILED, reason: 'Chromium wants the charset to be UTF-8, or none.' },
    },
  },
  {
    section: '9.2.2',
    sentence: 'when it is fetched, a redirect is followed',
    about: 'to nowhere, which is no 200',
    answers: [{ status: 301 }],
    run: story,
    expected: FAILED,
  },
  {
    section: '9.2.3',
    sentence: 'announce the connection: set readyState to OPEN and fire an event named open',
    about: 'before there is any byte of the body',
    answers: [{}],
    run: first,
    expected: { type: 'open', ...PLAIN, readyState: 1 },
  },
  {
    section: '9.2.3',
    sentence: 'announce the connection: the user agent must queue a task',
    about: 'whoever listens later in the same task hears it',
    answers: [{ body: EVENTS }],
    run: (EventSource, url) =>
      new Promise((resolve) => {
        const source = new EventSource(url)
        const seen: string[] = []
        queueMicrotask(() => {
          source.addEventListener('open', () => seen.push('open'))
          source.addEventListener('message', () => {
            source.close()
            resolve([...seen, 'message'])
          })
        })
      }),
    expected: ['open', 'message'],
  },
  {
    section: '9.2.3',
    sentence: 'fail the connection: set readyState to CLOSED and fire an event named error',
    answers: [{ status: 500 }],
    run: first,
    expected: { type: 'error', ...PLAIN, readyState: 2 },
  },
  {
    section: '9.2.3',
    sentence: 'once the user agent has failed the connection, it does not attempt to reconnect',
    answers: [{ body: 'retry: 1\n\n', ending: 'end' }, { status: 503 }, { body: EVENTS }],
    run: async (EventSource, url, { settle }) => {
      const source = new EventSource(url)
      const seen: string[] = []
      const failure = Promise.withResolvers<void>()
      for (const type of ['open', 'message', 'error']) {
        source.addEventListener(type, () => {
          seen.push(`${type} ${source.readyState}`)
          if (source.readyState === EventSource.CLOSED) failure.resolve()
        })
      }
      await failure.promise
      await settle()
      return [...seen, await (await fetch(`${url}log`)).json()]
    },
    expected: ['open 1', 'error 0', 'error 2', ['GET', 'GET']],
  },
  {
    section: '9.2.3',
    sentence: 'unless the user agent knows that to be futile, in which case it may fail the connection',
    about: 'a scheme that cannot be fetched',
    run: (EventSource) =>
      new Promise((resolve) => {
        const source = new EventSource('ftp://127.0.0.1/')
        source.addEventListener('error', () => {
          const { readyState } = source
          source.close()
          resolve(readyState)
        })
      }),
    expected: 2,
  },
]
