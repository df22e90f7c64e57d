import type { Case } from './case.ts'

const OPEN = [{ body: 'retry: 1\ndata: 1\n\ndata: 2\n\n' }]

/** What `close()` does, whenever it is called, and what a browser's stop button does. */
export const closing: readonly Case[] = [
  {
    section: '9.2.2',
    sentence: 'the close() method must abort any instances of the fetch algorithm',
    answers: [{}],
    run: async (EventSource, url) => {
      const source = new EventSource(url)
      await new Promise((resolve) => source.addEventListener('open', resolve))
      source.close()
      return (await fetch(`${url}closed`)).status
    },
    expected: 204,
  },
  {
    section: '9.2.2',
    sentence: 'the close() method must set the readyState attribute to CLOSED',
    about: 'at once, without an event, and again',
    answers: OPEN,
    run: async (EventSource, url, { settle }) => {
      const source = new EventSource(url)
      const seen: string[] = []
      await new Promise((resolve) => source.addEventListener('open', resolve))
      for (const type of ['open', 'message', 'error']) source.addEventListener(type, () => seen.push(type))
      seen.push(String(source.close()), String(source.readyState))
      seen.push(String(source.close()), String(source.readyState))
      await settle()
      return seen
    },
    expected: ['undefined', '2', 'undefined', '2'],
  },
  {
    section: '9.2.2',
    sentence: 'if res is an aborted network error, then fail the connection',
    about: 'the page is stopped',
    answers: OPEN,
    run: async (EventSource, url) => {
      if (typeof stop === 'undefined') return 'nothing to stop'
      const source = new EventSource(url)
      await new Promise((resolve) => source.addEventListener('open', resolve))
      const error = new Promise((resolve) => source.addEventListener('error', resolve))
      stop()
      await error
      const { readyState } = source
      source.close()
      return readyState
    },
    expected: 2,
    differs: {
      node: { result: 'nothing to stop', reason: 'Node has no stop button.' },
      bundled: { result: 0, reason: 'To a script, fetch() fails the same way as when a network does.' },
    },
  },
  {
    section: '9.2.3',
    sentence: 'announce the connection: if the readyState attribute is set to a value other than CLOSED',
    about: 'closed before the answer: no event ever',
    answers: OPEN,
    run: async (EventSource, url, { settle }) => {
      const seen: string[] = []
      const source = new EventSource(url)
      for (const type of ['open', 'message', 'error']) source.addEventListener(type, () => seen.push(type))
      source.close()
      await settle()
      return [...seen, source.readyState]
    },
    expected: [2],
  },
  {
    section: '9.2.3',
    sentence: 'fail the connection: if the readyState attribute is set to a value other than CLOSED',
    about: 'closed before the failure: no event',
    answers: [{ status: 500 }],
    run: async (EventSource, url, { settle }) => {
      const seen: string[] = []
      const source = new EventSource(url)
      source.addEventListener('error', () => seen.push('error'))
      source.close()
      await settle()
      return seen
    },
    expected: [],
  },
  {
    section: '9.2.3',
    sentence: 'reestablish the connection: if readyState is set to CLOSED, abort the task',
    about: 'closed by the last event of a stream that ends',
    answers: [{ body: 'retry: 1\ndata: 1\n\n', ending: 'end' }],
    run: async (EventSource, url, { settle }) => {
      const seen: string[] = []
      const source = new EventSource(url)
      source.addEventListener('error', () => seen.push('error'))
      await new Promise<void>((resolve) => {
        source.addEventListener('message', () => {
          source.close()
          resolve()
        })
      })
      await settle()
      return [...seen, await (await fetch(`${url}log`)).json()]
    },
    expected: [['GET']],
  },
  {
    section: '9.2.3',
    sentence: 'reestablish the connection: if readyState is not set to CONNECTING, then return',
    about: 'closed while it waits',
    answers: [{ body: 'retry: 1\n\n', ending: 'end' }],
    run: async (EventSource, url, { settle }) => {
      const source = new EventSource(url)
      await new Promise<void>((resolve) => {
        source.addEventListener('error', () => {
          source.close()
          resolve()
        })
      })
      await settle()
      return [source.readyState, await (await fetch(`${url}log`)).json()]
    },
    expected: [2, ['GET']],
  },
  {
    section: '9.2.6',
    sentence: 'if the readyState attribute is set to a value other than CLOSED, dispatches the event',
    about: 'closed by the event before it',
    answers: OPEN,
    run: async (EventSource, url, { settle }) => {
      const source = new EventSource(url)
      const seen: string[] = []
      await new Promise<void>((resolve) => {
        source.addEventListener('message', ({ data }: MessageEvent<string>) => {
          seen.push(data)
          source.close()
          resolve()
        })
      })
      await settle()
      return seen
    },
    expected: ['1'],
  },
  {
    section: '9.2.6',
    sentence: 'if the readyState attribute is set to a value other than CLOSED, dispatches the event',
    about: 'closed when it opened',
    answers: OPEN,
    run: async (EventSource, url, { settle }) => {
      const source = new EventSource(url)
      const seen: string[] = []
      source.addEventListener('message', () => seen.push('message'))
      await new Promise<void>((resolve) => {
        source.addEventListener('open', () => {
          source.close()
          resolve()
        })
      })
      await settle()
      return seen
    },
    expected: [],
  },
]
