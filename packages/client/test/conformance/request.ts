import { casesOf } from './case.ts'
import type { Case } from './case.ts'
import { data } from './runs.ts'

const DONE = 'data: done\n\n'

/** The request that the constructor makes. */
export const request: readonly Case[] = [
  {
    section: '9.2.2',
    sentence: 'create a potential-CORS request; fetch request',
    about: 'one GET each, without a fragment',
    answers: [{ body: DONE }],
    run: async (EventSource, url) => {
      for (const fragment of ['', '', '#fragment']) {
        const source = new EventSource(url + fragment)
        await new Promise((resolve) => source.addEventListener('message', resolve))
        source.close()
      }
      return (await fetch(`${url}log`)).json()
    },
    expected: ['GET', 'GET', 'GET'],
  },
  {
    section: '9.2.2',
    sentence: "user agents may set `Accept`/`text/event-stream` in request's header list",
    answers: [{ echo: ['accept'], body: DONE }],
    run: data,
    expected: ['["text/event-stream"]'],
  },
  {
    section: '9.2.2',
    sentence: 'set request\'s cache mode to "no-store"',
    about: 'which sends headers of its own',
    answers: [{ echo: ['cache-control', 'pragma'], body: DONE }],
    run: data,
    expected: ['["no-cache","no-cache"]'],
  },
  {
    section: '9.2.2',
    sentence: 'set request\'s cache mode to "no-store"',
    about: 'a fresh answer is neither stored nor taken from a cache',
    answers: ['1', '2'].map((body) => ({
      headers: { 'Cache-Control': 'max-age=1000', ETag: '"1"' },
      echo: ['if-none-match'],
      body: `retry: 1\ndata: ${body}\n\n${body === '2' ? DONE : ''}`,
      ending: 'end',
    })),
    run: data,
    expected: ['[null]', '1', '[null]', '2'],
  },
  ...casesOf({ section: '9.2.2', sentence: 'fetch request, whatever its scheme' }, [
    {
      about: 'a data URL, whose origin is opaque',
      run: (EventSource) =>
        new Promise((resolve) => {
          const source = new EventSource('data:text/event-stream,data:1%0A%0A')
          let result = ['no message']
          source.addEventListener('message', ({ data: text, origin }: MessageEvent<string>) => {
            result = [text, origin]
          })
          source.addEventListener('error', () => {
            const { readyState } = source
            source.close()
            resolve([...result, readyState])
          })
        }),
      expected: ['1', 'null', 0],
    },
    {
      about: 'a blob URL, whose origin is that of its maker',
      run: (EventSource) =>
        new Promise((resolve) => {
          const blob = new Blob(['data:1\n\n'], { type: 'text/event-stream' })
          const source = new EventSource(URL.createObjectURL(blob))
          let result: (string | boolean)[] = ['no message']
          source.addEventListener('message', ({ data: text, origin }: MessageEvent<string>) => {
            result = [text, origin === globalThis.origin]
          })
          source.addEventListener('error', () => {
            const { readyState } = source
            source.close()
            resolve([...result, readyState])
          })
        }),
      expected: ['1', true, 0],
      differs: { node: { result: ['1', false, 0], reason: 'Node has no origin.' } },
    },
  ]),
]
