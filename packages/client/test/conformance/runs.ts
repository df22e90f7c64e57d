import type { Run } from './case.ts'

/** Every event with the state that the source is in then, until the data `done` or until it is closed. */
export const story: Run = (EventSource, url, { types }) =>
  new Promise((resolve) => {
    const source = new EventSource(url)
    const seen: string[] = []
    function note(event: Event): void {
      const { data = '' } = event as MessageEvent<string | undefined>
      if (data !== 'done') seen.push(`${event.type} ${source.readyState} ${data}`.trimEnd())
      if (data !== 'done' && source.readyState !== EventSource.CLOSED) return
      source.close()
      resolve(seen)
    }
    for (const type of ['open', 'message', 'error', ...types]) source.addEventListener(type, note)
  })

/** Type, data and last ID of each message, until the data `done`. */
export const messages: Run = (EventSource, url, { types }) =>
  new Promise((resolve) => {
    const source = new EventSource(url)
    const seen: string[][] = []
    function note({ type, data, lastEventId }: MessageEvent<string>): void {
      if (data !== 'done') {
        seen.push([type, data, lastEventId])
        return
      }
      source.close()
      resolve(seen)
    }
    for (const type of ['message', ...types]) source.addEventListener(type, note)
  })

/** The data of each message, until the data `done`. */
export const data: Run = (EventSource, url) =>
  new Promise((resolve) => {
    const source = new EventSource(url)
    const seen: string[] = []
    source.addEventListener('message', (event: MessageEvent<string>) => {
      if (event.data !== 'done') {
        seen.push(event.data)
        return
      }
      source.close()
      resolve(seen)
    })
  })

/** Like {@link data}; each message lets the server go on with the next piece of its answer. */
export const pieces: Run = (EventSource, url) =>
  new Promise((resolve) => {
    const source = new EventSource(url)
    const seen: string[] = []
    source.addEventListener('message', (event: MessageEvent<string>) => {
      if (event.data !== 'done') {
        seen.push(event.data)
        void fetch(`${url}go`)
        return
      }
      source.close()
      resolve(seen)
    })
  })

/** Which of two sources gets to its data `done` first. */
export const race: Run = (EventSource, url) =>
  new Promise((resolve) => {
    const sources = ['subject', 'control'].map((name) => {
      const source = new EventSource(url + name)
      source.addEventListener('message', (event: MessageEvent<string>) => {
        if (event.data !== 'done') return
        for (const each of sources) each.close()
        resolve(name)
      })
      return source
    })
  })

/** The first event of all, and what the source is then. */
export const first: Run = (EventSource, url) =>
  new Promise((resolve) => {
    const source = new EventSource(url)
    for (const name of ['open', 'message', 'error']) {
      source.addEventListener(name, (event) => {
        const { type, bubbles, cancelable, target } = event
        const { readyState } = source
        source.close()
        resolve({ type, bubbles, cancelable, isOfSource: target === source, readyState })
      })
    }
  })
