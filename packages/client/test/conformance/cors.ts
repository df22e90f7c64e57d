import { casesOf } from './case.ts'
import type { Answer } from './server.ts'
import type { Case } from './case.ts'
import { data, first, story } from './runs.ts'

const EVENTS = 'data: 1\n\ndata: done\n\n'
const OPENED = ['open 1', 'message 1 1']
const ANYONE = { 'Access-Control-Allow-Origin': '*' }
const CREDENTIALS = {
  'Access-Control-Allow-Origin': '{origin}',
  'Access-Control-Allow-Credentials': 'true',
}
const EVENT = { type: 'error', bubbles: false, cancelable: false, isOfSource: true }
const RECONNECTS = { ...EVENT, readyState: 0 }
const OPENS = { ...EVENT, type: 'open', readyState: 1 }

const anyAnswer = { result: OPENS, reason: 'Node has no page, and so no other origins.' }
const noCookies = { result: ['[null]'], reason: 'Node has no cookies.' }
const gaveUp = {
  result: { ...EVENT, readyState: 2 },
  reason: 'It knows that to be futile, in which case it may fail the connection.',
}

/** Streams of another origin than the page, or than their URL says. */
export const cors: readonly Case[] = [
  {
    section: '9.2.2',
    sentence: 'create a potential-CORS request given Anonymous',
    about: 'anyone may read it',
    page: 'other',
    answers: [{ headers: ANYONE, body: EVENTS }],
    run: story,
    expected: OPENED,
  },
  {
    section: '9.2.2',
    sentence: 'create a potential-CORS request given Anonymous',
    about: 'nobody may read it, which is a network error',
    page: 'other',
    answers: [{ body: EVENTS }],
    run: first,
    expected: RECONNECTS,
    differs: { node: anyAnswer, native: gaveUp },
  },
  ...casesOf({ section: '9.2.2', sentence: 'create a potential-CORS request given Anonymous' }, [
    {
      about: 'with cookies to the own origin',
      answers: [{ headers: ANYONE, echo: ['cookie'], body: 'data: done\n\n' }],
      run: data,
      expected: ['["session=1"]'],
      differs: { node: noCookies },
    },
    {
      about: 'without cookies to another one',
      page: 'other',
      answers: [{ headers: ANYONE, echo: ['cookie'], body: 'data: done\n\n' }],
      run: data,
      expected: ['[null]'],
    },
  ]),
  ...casesOf({ section: '9.2.2', sentence: 'if withCredentials is true, then Use Credentials' }, [
    {
      about: 'with cookies to another origin',
      page: 'other',
      answers: [{ headers: CREDENTIALS, echo: ['cookie'], body: 'data: done\n\n' }],
      run: (EventSource, url) =>
        new Promise((resolve) => {
          const source = new EventSource(url, { withCredentials: true })
          source.addEventListener('message', (event: MessageEvent<string>) => {
            source.close()
            resolve([event.data])
          })
        }),
      expected: ['["session=1"]'],
      differs: { node: noCookies },
    },
    {
      about: 'which that origin has to allow',
      page: 'other',
      answers: [{ headers: ANYONE, body: EVENTS }],
      run: (EventSource, url) =>
        new Promise((resolve) => {
          const source = new EventSource(url, { withCredentials: true })
          for (const type of ['open', 'error']) {
            source.addEventListener(type, () => {
              const { readyState } = source
              source.close()
              resolve(`${type} ${readyState}`)
            })
          }
        }),
      expected: 'error 0',
      differs: {
        node: { ...anyAnswer, result: 'open 1' },
        native: { ...gaveUp, result: 'error 2' },
      },
    },
  ]),
  {
    section: '9.2.3',
    sentence: "set (`Last-Event-ID`, lastEventIDValue) in request's header list",
    about: 'which asks another origin for no permission: its unsafe-request flag is unset',
    page: 'other',
    answers: [
      { headers: ANYONE, body: 'retry: 1\nid: 1\n\n', ending: 'end' },
      { headers: ANYONE, echo: ['last-event-id'], body: 'data: done\n\n' },
    ],
    run: async (EventSource, url) => {
      const source = new EventSource(url)
      const { data: id } = await new Promise<MessageEvent<string>>((resolve) => {
        source.addEventListener('message', resolve)
      })
      source.close()
      return [id, await (await fetch(`${url}log`)).json()]
    },
    expected: ['["1"]', ['GET', 'GET']],
    differs: {
      bundled: {
        result: ['["1"]', ['GET', 'OPTIONS', 'GET']],
        reason: 'fetch() sets the unsafe-request flag: a script cannot send that header without a preflight.',
      },
    },
  },
  ...casesOf(
    { section: '9.2.6', sentence: "origin: the origin of the event stream's final URL, after redirects" },
    (['{other}final', 'final'] as const).map((location) => ({
      about: location === 'final' ? 'of the same origin' : 'of another origin',
      answers: {
        '': [{ status: 302, headers: { ...ANYONE, Location: location } }],
        final: [{ headers: ANYONE, body: 'data: done\n\n' } satisfies Answer],
      },
      run: (EventSource, url) =>
        new Promise((resolve) => {
          const source = new EventSource(url)
          source.addEventListener('message', ({ origin }) => {
            source.close()
            resolve([source.url === url, origin === new URL(origin).origin, origin === new URL(url).origin])
          })
        }),
      expected: [true, true, location === 'final'],
    })),
  ),
]
