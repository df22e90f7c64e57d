import { casesOf } from './case.ts'
import type { Case } from './case.ts'
import { data, messages } from './runs.ts'

const DONE = 'data: done\n\n'

const untrusted = {
  result: ['open false', 'message false', 'error false'],
  reason: 'Only a browser makes events that are trusted.',
}
/** The steps to dispatch the event, and the examples of 9.2.6 and 9.2.7. */
export const dispatch: readonly Case[] = [
  ...casesOf(
    { section: '9.2.6', sentence: 'set the last event ID string to the value of the last event ID buffer' },
    [
      {
        about: 'also of a block without data',
        answers: [
          { body: 'retry: 1\nid: 7\n\n', ending: 'end' },
          { echo: ['last-event-id'], body: DONE },
        ],
        run: messages,
        expected: [['message', '["7"]', '7']],
      },
      {
        about: 'which does not get reset',
        answers: [{ body: `id: 7\ndata: 1\n\ndata: 2\n\n\n: x\n\nevent: e\ndata: 3\n\n${DONE}` }],
        types: ['e'],
        run: messages,
        expected: [
          ['message', '1', '7'],
          ['message', '2', '7'],
          ['e', '3', '7'],
        ],
      },
      {
        about: 'until the next time it is set by the server, on whatever connection',
        answers: [
          { body: 'retry: 1\nid: 7\ndata: 1\n\n', ending: 'end' },
          { body: 'data: 2\n\n', ending: 'end' },
          { body: `data: 3\n\nid: 8\ndata: 4\n\n${DONE}` },
        ],
        run: messages,
        expected: [
          ['message', '1', '7'],
          ['message', '2', '7'],
          ['message', '3', '7'],
          ['message', '4', '8'],
        ],
      },
    ],
  ),
  ...casesOf(
    {
      section: '9.2.6',
      sentence: 'if the data buffer is an empty string, set the event type buffer to it, and return',
    },
    [
      {
        about: 'nothing is dispatched, and the type is gone',
        answers: [{ body: `event: e\n\nevent: e\nid: 7\n\nretry: 1\n\nx: y\n\ndata: 1\n\n${DONE}` }],
        types: ['e'],
        run: messages,
        expected: [['message', '1', '7']],
      },
    ],
  ),
  ...casesOf({ section: '9.2.6', sentence: "if the data buffer's last character is LF, then remove it" }, [
    { about: 'one', answers: [{ body: `data\ndata\ndata\n\n${DONE}` }], run: data, expected: ['\n\n'] },
  ]),
  {
    section: '9.2.6',
    sentence: 'let event be the result of creating an event using MessageEvent',
    answers: [{ body: 'event: e\nid: 7\ndata: 1\n\n' }],
    run: (EventSource, url) =>
      new Promise((resolve) => {
        const source = new EventSource(url)
        source.addEventListener('e', (event: MessageEvent<string>) => {
          const { type, data: text, origin, lastEventId, bubbles, cancelable, ports, target } = event
          source.close()
          resolve({
            class: Object.getPrototypeOf(event) === MessageEvent.prototype,
            attributes: [type, text, lastEventId, bubbles, cancelable, event.source as null, ports.length],
            origin: origin === new URL(url).origin,
            target: target === source,
          })
        })
      }),
    expected: {
      class: true,
      attributes: ['e', '1', '7', false, false, null, 0],
      origin: true,
      target: true,
    },
  },
  {
    section: '9.2.6',
    sentence: 'let event be the result of creating an event using MessageEvent',
    about: 'which is trusted, as are open and error',
    answers: [{ body: 'retry: 1\ndata: 1\n\n', ending: 'end' }],
    run: (EventSource, url) =>
      new Promise((resolve) => {
        const source = new EventSource(url)
        const seen: string[] = []
        for (const name of ['open', 'message', 'error']) {
          source.addEventListener(name, ({ type, isTrusted }) => {
            seen.push(`${type} ${isTrusted}`)
            if (type !== 'error') return
            source.close()
            resolve(seen)
          })
        }
      }),
    expected: ['open true', 'message true', 'error true'],
    differs: { node: untrusted, bundled: untrusted },
  },
  {
    section: '9.2.6',
    sentence: 'queue a task which dispatches the newly created event',
    about: 'each in a task of its own',
    answers: [{ body: `data: 1\n\ndata: 2\n\n${DONE}` }],
    run: (EventSource, url) =>
      new Promise((resolve) => {
        const source = new EventSource(url)
        const seen: string[] = []
        source.addEventListener('message', (event: MessageEvent<string>) => {
          seen.push(event.data)
          queueMicrotask(() => {
            seen.push('microtask')
            if (event.data !== 'done') return
            source.close()
            resolve(seen)
          })
        })
      }),
    expected: ['1', 'microtask', '2', 'microtask', 'done', 'microtask'],
  },
  ...casesOf({ section: '9.2.6', sentence: 'examples' }, [
    {
      about: 'a stock ticker',
      answers: [{ body: `data: YHOO\ndata: +2\ndata: 10\n\n${DONE}` }],
      run: data,
      expected: ['YHOO\n+2\n10'],
    },
    {
      about: 'a test stream of four blocks, the first of which is a comment',
      answers: [
        {
          body: ': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\nretry: 1\ndata: x\n',
          ending: 'end',
        },
        { body: DONE },
      ],
      run: messages,
      expected: [
        ['message', 'first event', '1'],
        ['message', 'second event', ''],
        ['message', ' third event', ''],
      ],
    },
    {
      about: 'two events of empty data, and a block that is discarded',
      answers: [{ body: 'retry: 1\n\ndata\n\ndata\ndata\n\ndata:', ending: 'end' }, { body: DONE }],
      run: data,
      expected: ['', '\n'],
    },
    {
      about: 'two identical events',
      answers: [{ body: `data:test\n\ndata: test\n\n${DONE}` }],
      run: data,
      expected: ['test', 'test'],
    },
  ]),
  {
    section: '9.2.7',
    sentence: 'authors can include a comment line every 15 seconds or so',
    answers: [{ body: `:\n\n: keep alive\n\ndata: 1\n:\ndata: 2\n\n:\n:\n\n${DONE}` }],
    run: data,
    expected: ['1\n2'],
  },
]
