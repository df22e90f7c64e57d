import { casesOf } from './case.ts'
import type { Case } from './case.ts'

const NO_BASE = 'Node has no document, and so no base URL.'
const OPEN = [{ body: 'data: 1\n\ndata: 2\n\ndata: done\n\n' }]

/** What the IDL of 9.2.2 says. */
export const interfaces: readonly Case[] = [
  {
    section: '9.2.2',
    sentence: 'interface EventSource : EventTarget',
    run: (EventSource, url) => {
      const source = new EventSource(url)
      source.close()
      return [
        EventSource.name,
        EventSource.length,
        Object.getPrototypeOf(EventSource) === EventTarget,
        Object.prototype.toString.call(source),
      ]
    },
    expected: ['EventSource', 1, true, '[object EventSource]'],
  },
  ...casesOf({ section: '9.2.2', sentence: 'constructor(USVString url, optional EventSourceInit)' }, [
    {
      about: 'not a function, and not without a URL',
      run: (EventSource) => {
        const Untyped = EventSource as unknown as { new (): object; (url: string): object }
        return [() => new Untyped(), () => Untyped('http://127.0.0.1/')].map((construct) => {
          try {
            construct()
            return 'constructed'
          } catch (error) {
            return (error as Error).name
          }
        })
      },
      expected: ['TypeError', 'TypeError'],
    },
    {
      about: 'whatever is no string becomes one, of scalar values',
      run: (EventSource, url) =>
        [{ toString: () => `${url}object` }, new URL('url', url), `${url}\ud800`].map((input) => {
          const source = new EventSource(input as string)
          source.close()
          return source.url.slice(url.length)
        }),
      expected: ['object', 'url', '%EF%BF%BD'],
    },
    {
      about: 'a dictionary is an object, null or undefined, and its member a boolean whatever it was',
      run: (EventSource, url) =>
        [undefined, null, {}, { withCredentials: undefined }, { withCredentials: 1 }, 1].map((init) => {
          try {
            const source = new EventSource(url, init as EventSourceInit)
            source.close()
            return source.withCredentials
          } catch (error) {
            return (error as Error).name
          }
        }),
      expected: [false, false, false, false, true, 'TypeError'],
    },
  ]),
  {
    section: '9.2.2',
    sentence: 'the result of encoding-parsing a URL given url, relative to settings',
    run: (EventSource) => {
      try {
        const source = new EventSource('../a?b')
        source.close()
        return source.url === new URL('../a?b', document.baseURI).href
      } catch (error) {
        return (error as Error).name
      }
    },
    expected: true,
    differs: { node: { result: 'SyntaxError', reason: NO_BASE } },
  },
  {
    section: '9.2.2',
    sentence: 'if urlRecord is failure, then throw a "SyntaxError" DOMException',
    run: (EventSource) =>
      ['http://[', 'http://:80/', 'http://a:99999/', 'http://%'].map((url) => {
        try {
          return new EventSource(url).url
        } catch (error) {
          const { name, code } = error as DOMException
          return error instanceof DOMException && `${name} ${code}`
        }
      }),
    expected: Array.from({ length: 4 }, () => 'SyntaxError 12'),
  },
  {
    section: '9.2.2',
    sentence: "the url getter's steps are to return the serialization of this's url",
    run: (EventSource, url) => {
      const source = new EventSource(`${url.replace('http', ' HTTP')}./x/../b c?d e#f g`)
      source.close()
      return source.url.replace(url, '')
    },
    expected: 'b%20c?d%20e#f%20g',
  },
  {
    section: '9.2.2',
    sentence: 'the value to which it was last initialized; when the object is created, false',
    run: (EventSource, url) =>
      [{}, { withCredentials: true }, { withCredentials: false }].map((init) => {
        const source = new EventSource(url, init)
        source.close()
        return source.withCredentials
      }),
    expected: [false, true, false],
  },
  ...casesOf({ section: '9.2.2', sentence: 'const CONNECTING = 0, OPEN = 1, CLOSED = 2' }, [
    {
      about: 'on the interface, on its prototype and so on each source',
      run: (EventSource, url) => {
        const source = new EventSource(url)
        source.close()
        return [EventSource, EventSource.prototype, source].map((holder) => {
          const { CONNECTING = null, OPEN: open = null, CLOSED = null } = holder as Partial<EventSource>
          return [CONNECTING, open, CLOSED]
        })
      },
      expected: Array.from({ length: 3 }, () => [0, 1, 2]),
    },
    {
      about: 'for good',
      run: (EventSource) =>
        [EventSource, EventSource.prototype].map((holder) => {
          const { writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(holder, 'OPEN') ?? {}
          return { writable: !!writable, enumerable: !!enumerable, configurable: !!configurable }
        }),
      expected: Array.from({ length: 2 }, () => ({ writable: false, enumerable: true, configurable: false })),
    },
  ]),
  {
    section: '9.2.2',
    sentence: 'readonly attribute url, withCredentials, readyState',
    run: (EventSource, url) => {
      const source = new EventSource(url)
      source.close()
      return ['url', 'withCredentials', 'readyState'].map((name) => Reflect.set(source, name, 'other'))
    },
    expected: [false, false, false],
  },
  {
    section: '9.2.2',
    sentence: 'when the object is created, its readyState must be set to CONNECTING (0)',
    run: (EventSource, url) => {
      const source = new EventSource(url)
      const { readyState } = source
      source.close()
      return readyState
    },
    expected: 0,
  },
  {
    section: '9.2.2',
    sentence: 'the event handlers onopen, onmessage, onerror must be supported',
    about: 'each for its type, on the source',
    answers: [{ body: 'event: other\ndata: x\n\ndata: 1\n\nretry: 1\n\n', ending: 'end' }, { status: 500 }],
    run: (EventSource, url) =>
      new Promise((resolve) => {
        const source = new EventSource(url)
        const seen: string[] = [String([source.onopen, source.onmessage, source.onerror])]
        function note(this: EventSource, { type, target, currentTarget }: Event): void {
          seen.push(`${type} ${[this, target, currentTarget].every((each) => each === source)}`)
          if (source.readyState === EventSource.CLOSED) resolve(seen)
        }
        Object.assign(source, { onopen: note, onmessage: note, onerror: note })
      }),
    expected: [',,', 'open true', 'message true', 'error true', 'error true'],
  },
  {
    section: '9.2.2',
    sentence: 'the event handlers onopen, onmessage, onerror must be supported',
    about: 'a handler is an object or null, and only functions are called',
    answers: OPEN,
    run: (EventSource, url) =>
      new Promise((resolve) => {
        const source = new EventSource(url)
        const kept = [() => {}, {}, 1, 'x', undefined].map((handler) => {
          Object.assign(source, { onmessage: handler })
          return source.onmessage === handler ? 'kept' : String(source.onmessage)
        })
        Object.assign(source, { onmessage: {} })
        source.addEventListener('message', ({ data }: MessageEvent<string>) => {
          if (data !== 'done') return
          source.close()
          resolve(kept)
        })
      }),
    expected: ['kept', 'kept', 'null', 'null', 'null'],
  },
  {
    section: '9.2.2',
    sentence: 'the event handlers onopen, onmessage, onerror must be supported',
    about: 'in the place where it was set first, or set again after null',
    answers: OPEN,
    run: (EventSource, url) =>
      new Promise((resolve) => {
        const source = new EventSource(url)
        const seen: string[] = []
        const set = (handler: (() => unknown) | null): object => Object.assign(source, { onmessage: handler })
        set(() => seen.push('replaced'))
        source.addEventListener('message', ({ data }: MessageEvent<string>) => {
          seen.push(data)
          if (data !== 'done') return
          source.close()
          resolve([...seen])
        })
        set(() => {
          seen.push('before')
          queueMicrotask(() => {
            set(null)
            set(() => seen.push('after'))
          })
        })
        source.addEventListener('message', () => seen.push('last'), { once: true })
      }),
    expected: ['before', '1', 'last', '2', 'after', 'done'],
  },
]
