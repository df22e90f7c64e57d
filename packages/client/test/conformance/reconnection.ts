import { casesOf } from './case.ts'
import type { Case } from './case.ts'
import { data, first, pieces, race, story } from './runs.ts'
import { comesBackAfter } from './server.ts'
import type { Answer } from './server.ts'

const DONE = 'data: done\n\n'
const ECHO: Answer = { echo: ['last-event-id'], body: DONE }

/** A stream that ends, after which the source is to come back at once. */
function ends(body: string): Answer {
  return { body: `retry: 1\n${body}`, ending: 'end' }
}

/** Coming back, with the header of 9.2.4. */
export const reconnection: readonly Case[] = [
  {
    section: '9.2.2',
    sentence: 'processResponseEndOfBody: reestablish the connection',
    about: 'whenever the stream ends',
    answers: [ends('data: 1\n\n'), ends(''), ends('data: 2\n\n'), { body: DONE }],
    run: story,
    expected: [
      'open 1',
      'message 1 1',
      'error 0',
      'open 1',
      'error 0',
      'open 1',
      'message 1 2',
      'error 0',
      'open 1',
    ],
  },
  {
    section: '9.2.2',
    sentence: 'processResponseEndOfBody: reestablish the connection',
    about: 'when it is cut in the middle of an event',
    answers: [{ body: ['retry: 1\ndata: 1\n\n', 'data: 2'], ending: 'cut' }, { body: `data: 3\n\n${DONE}` }],
    run: pieces,
    expected: ['1', '3'],
  },
  {
    section: '9.2.2',
    sentence: 'if res is a network error, then reestablish the connection',
    answers: [ends('data: 1\n\n'), { status: 0 }, { status: 0 }, { body: DONE }],
    run: async (EventSource, url) => {
      const source = new EventSource(url)
      const states = new Set<number>()
      source.addEventListener('error', () => states.add(source.readyState))
      await new Promise<void>((resolve) => {
        source.addEventListener('message', (event: MessageEvent<string>) => {
          if (event.data === 'done') resolve()
        })
      })
      source.close()
      return [...states]
    },
    expected: [0],
  },
  {
    section: '9.2.2',
    sentence: 'if res is a network error, then reestablish the connection',
    about: 'a redirect that goes round in circles is one',
    answers: [{ status: 302, headers: { Location: './' } }],
    run: first,
    expected: { type: 'error', bubbles: false, cancelable: false, isOfSource: true, readyState: 0 },
  },
  {
    section: '9.2.3',
    sentence: 'reestablish the connection: set readyState to CONNECTING and fire an event named error',
    answers: [{ status: 0 }],
    run: first,
    expected: { type: 'error', bubbles: false, cancelable: false, isOfSource: true, readyState: 0 },
  },
  ...casesOf(
    { section: '9.2.3', sentence: 'wait a delay equal to the reconnection time of the event source' },
    [
      {
        about: 'the server says which',
        answers: { subject: [ends(''), { body: DONE }], control: comesBackAfter(1000) },
        run: race,
        expected: 'subject',
      },
      {
        about: 'no less',
        answers: {
          subject: [{ body: 'retry: 3000\n\n', ending: 'end' }, { body: DONE }],
          control: comesBackAfter(50),
        },
        run: race,
        expected: 'control',
      },
      {
        about: 'which it keeps over all connections',
        answers: {
          subject: [ends(''), { ending: 'end' }, { body: 'data: 1\n\n', ending: 'end' }, { body: DONE }],
          control: comesBackAfter(1000),
        },
        run: race,
        expected: 'subject',
      },
    ],
  ),
  ...casesOf(
    { section: '9.2.3', sentence: "let request be the EventSource object's request; fetch request" },
    [301, 302, 303, 307, 308].map((status) => ({
      about: `whose current URL is the one that a ${status} led to`,
      answers: {
        '': [{ status, headers: { Location: 'final' } }],
        final: [ends('data: 1\n\n'), { body: DONE }],
      },
      run: async (EventSource, url) => {
        const source = new EventSource(url)
        await new Promise<void>((resolve) => {
          source.addEventListener('message', (event: MessageEvent<string>) => {
            if (event.data === 'done') resolve()
          })
        })
        source.close()
        return [source.url === url, await (await fetch(`${url}log`)).json()]
      },
      expected: [true, ['GET', 'GET final', 'GET final']],
    })),
  ),
  {
    section: '9.2.3',
    sentence: 'a client can be told to stop reconnecting using the HTTP 204 No Content response code',
    answers: [ends('data: 1\n\n'), { status: 204 }],
    run: story,
    expected: ['open 1', 'message 1 1', 'error 0', 'error 2'],
  },
  ...casesOf(
    {
      section: '9.2.4',
      sentence: 'if the last event ID string is not the empty string, set `Last-Event-ID`',
    },
    [
      {
        about: 'not with the first request',
        answers: [ECHO],
        run: data,
        expected: ['[null]'],
      },
      {
        about: 'not while the server has set none, or has reset it',
        answers: [ends('data\n\n'), { ...ends('id: 1\n\nid\n\n'), echo: ['last-event-id'] }, ECHO],
        run: data,
        expected: ['', '[null]', '[null]'],
      },
      {
        about: 'with every request from then on',
        answers: [ends('id: 1\n\n'), { ...ends('data\n\n'), echo: ['last-event-id'] }, { status: 0 }, ECHO],
        run: data,
        expected: ['["1"]', '', '["1"]'],
      },
      {
        about: 'also to where a redirect leads',
        answers: {
          '': [ends('id: 1\n\n'), { status: 302, headers: { Location: 'final' } }],
          final: [ECHO],
        },
        run: data,
        expected: ['["1"]'],
      },
    ],
  ),
  ...casesOf(
    { section: '9.2.4', sentence: "the EventSource object's last event ID string, encoded as UTF-8" },
    ['7', 'a b', '\u00e9', '\u2026', '\u{1f600}', '100%', '{"a":[1,2]}', '\u00a0x\u00a0'].map((id) => ({
      about: id,
      answers: [ends(`id: ${id}\n\n`), ECHO],
      run: data,
      expected: [JSON.stringify([id])],
    })),
  ),
]
