import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { Random, ReaderAudit } from '@tailrace/testkit'

const RETRY_MS = 100

/** A reader that is as cheap as can be, so that one process can have thousands. It leaves at any time, and resumes. */
export interface LeavingReader {
  readonly isLive: Promise<void>
  /** Breaks off its connection, or closes it, and opens another one where it left off. */
  leave(): void
  stop(): void
}

export function startLeavingReader(
  { port, path }: { readonly port: number; readonly path: string },
  audit: ReaderAudit,
  random: Random,
): LeavingReader {
  const { promise: isLive, resolve: onLive } = Promise.withResolvers<void>()
  let lastEventId = ''
  let isStopped = false
  let socket = open()

  function reopen(): void {
    if (!isStopped) socket = open()
  }

  function open(): Socket {
    const resuming = lastEventId === '' ? '' : `Last-Event-ID: ${lastEventId}\r\n`
    const opened = connect(port, '127.0.0.1').setEncoding('latin1')
    opened.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n${resuming}\r\n`)
    let rest = ''
    // That the connection breaks is an outcome here. A busy hub may refuse it for now.
    opened.on('error', () => {})
    opened.on('close', () => {
      if (opened === socket && !isStopped) setTimeout(reopen, RETRY_MS)
    })
    opened.on('data', (text: string) => {
      if (opened !== socket) return
      const frames = (rest + text).split('\n\n')
      rest = frames.pop()!
      for (const frame of frames) take(frame)
    })
    return opened
  }

  function take(frame: string): void {
    const [, id] = /^id: (.*)$/m.exec(frame) ?? []
    if (id !== undefined) lastEventId = id
    if (frame.includes('event: tailrace.live')) return onLive()
    if (frame.includes('event: tailrace.gap')) return audit.tellGap()
    const [, data] = /^data: (.*)$/m.exec(frame) ?? []
    if (data !== undefined && id !== undefined) audit.deliver(data, id)
  }

  return {
    isLive,
    leave() {
      if (random.chance(0.5)) socket.resetAndDestroy()
      else socket.destroy()
      reopen()
    },
    stop() {
      isStopped = true
      socket.destroy()
    },
  }
}
