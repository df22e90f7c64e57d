import { EventEmitter, once } from 'node:events'
import type { Readable } from 'node:stream'

/** The text of a stream that goes on: resolves with all of it once what is wanted has come. Rejects when it ends first. */
export function collect(stream: Readable): (wanted: string) => Promise<string> {
  const changes = new EventEmitter()
  let text = ''
  let isOver = false
  stream.setEncoding('utf8')
  stream.on('data', (piece: string) => {
    text += piece
    changes.emit('change')
  })
  stream.on('error', () => undefined)
  stream.on('close', () => {
    isOver = true
    changes.emit('change')
  })
  return async (wanted) => {
    while (!text.includes(wanted)) {
      if (isOver) throw new Error(`the stream ended before ${wanted}; received:\n${text}`)
      await once(changes, 'change')
    }
    return text
  }
}
