import { connect } from 'node:net'

/** A client that says what no HTTP library would. */
export interface RawConnection extends Disposable {
  send(text: string | Uint8Array): void
  /** Everything that came so far, a character for each byte. */
  text(): string
  /** Resolves once it is so; rejects, with what came, when the connection is over before. */
  until(isMet: (text: string) => boolean): Promise<string>
  /** Resolves with everything once the other end has closed. */
  readonly closed: Promise<string>
  /** Reads nothing from now on. */
  pause(): void
  /** Closes our direction only. */
  finish(): void
  destroy(): void
  /** Leaves with an RST: what is under way is lost. */
  reset(): void
}

export function connectRaw(port: number): RawConnection {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true })
  const watchers = new Set<() => void>()
  let text = ''
  let isOver = false
  socket.setEncoding('latin1')
  const change = (): void => {
    for (const look of watchers) look()
  }
  // A reset is an outcome here, like an end.
  socket.on('error', () => {})
  socket.on('data', (chunk: string) => {
    text += chunk
    change()
  })
  const closed = new Promise<string>((resolve) => {
    const stop = (): void => {
      isOver = true
      socket.destroy()
      change()
      resolve(text)
    }
    socket.on('end', stop)
    socket.on('close', stop)
  })
  return {
    send: (data) => void socket.write(data),
    text: () => text,
    until: (isMet) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const isDone = isMet(text)
          if (!isDone && !isOver) return
          watchers.delete(look)
          if (isDone) resolve(text)
          else reject(new Error(`the connection is over; received ${JSON.stringify(text)}`))
        }
        watchers.add(look)
        look()
      }),
    closed,
    pause: () => void socket.pause(),
    finish: () => void socket.end(),
    destroy: () => void socket.destroy(),
    reset: () => void socket.resetAndDestroy(),
    [Symbol.dispose]: () => void socket.destroy(),
  }
}
