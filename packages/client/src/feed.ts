import { readStream } from './attempt.ts'
import { ClientError } from './errors.ts'
import type { Attempt, Intake } from './intake.ts'
import { readTimeoutOf, statusOf } from './items.ts'
import type { ResolvedOptions } from './options.ts'
import type { Share, SharedFeed } from './share.ts'
import type { Sink } from './sink.ts'
import { startState, step } from './step.ts'
import type { Action, Message, State } from './step.ts'
import { onWake } from './wake.ts'

/** Events over as many connections as necessary. */
export interface Feed extends Intake, Omit<SharedFeed, keyof Intake> {
  /** Opens the first connection, or lets a share decide whether to. */
  begin(): void
  /** Reconnects at once from the current position. */
  restart(): void
  /** The same, but not before a wait after a failure has ended. */
  reopen(): void
  close(): void
  /** Resolves when it is closed; rejects after a permanent failure. */
  readonly closed: Promise<void>
}

/** Parameters that only streams support. */
const ONLY_STREAMED = /[?&](snapshot|gap|envelope|conflate)=/

/** Performs the actions of `step.ts`: sends requests, runs the timer, and calls back. */
export function createFeed(settings: ResolvedOptions, sink: Sink, lastEventId: string): Feed {
  const { url, method, fallback, share: join, hasReadTimeout, readTimeoutMs: initialTimeoutMs } = settings
  let state: State = startState(initialTimeoutMs)
  let read: Attempt = readStream
  let share: Share | undefined
  let attempt: AbortController | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let armedFor = Infinity
  let stopWaking: (() => void) | undefined
  let failure: { error: unknown } | undefined
  let settle!: () => void
  const closed = new Promise<void>((resolve, reject) => {
    settle = () => (failure === undefined ? resolve() : reject(failure.error))
  })

  function note(message: Message, now = Date.now()): void {
    let action: Action | undefined
    ;[state, action] = step(state, message, now, settings)
    // Armed for too early a time it looks again, so a later one, which is the usual case, costs nothing.
    if (state.dueAt < armedFor) {
      clearTimeout(timer)
      armedFor = state.dueAt
      timer = setTimeout(() => {
        // The clock may have been set back; the timer knows better.
        const due = Math.max(Date.now(), armedFor)
        armedFor = Infinity
        note({ kind: 'time' }, due)
      }, armedFor - now)
    }
    try {
      if (action !== undefined) perform(action)
    } catch (error) {
      // A callback threw.
      fail(error)
    }
  }

  function perform(action: Action): void {
    if (action.kind === 'connect') void run()
    else if (action.kind === 'cut') {
      const { code } = action
      if (attempt === undefined) finish()
      else attempt.abort(code && new ClientError(code, 'The server sent nothing for too long'))
    } else if (action.kind === 'decide') {
      const { error } = action
      const decision = state.wereRefused ? undefined : settings.onError?.(error)
      note({ kind: 'decided', error, decision, chance: Math.random() })
    } else if (action.kind === 'announce') {
      const { error, delayMs } = action
      sink.tell({ kind: 'reconnecting', error, delayMs })
      share?.lose(error, delayMs)
    } else if (action.kind === 'fail') fail(action.error)
  }

  async function run(): Promise<void> {
    const { signal } = (attempt = new AbortController())
    let error: unknown
    sink.prepare?.()
    try {
      await read(feed, signal)
    } catch (thrown) {
      error = thrown
    }
    // After an abort, its reason is the error.
    if (signal.aborted) error = ClientError.is(signal.reason) ? signal.reason : undefined
    // A proxy may buffer streams. The code for that is loaded only when it is needed.
    if (feed.isHub && read === readStream && ClientError.is(error) && error.code === 'open-timeout')
      read = await import('./poll.ts').then(
        ({ createFallback }) => createFallback(),
        // Not available now: the next late stream requests it again.
        () => read,
      )
    attempt = undefined
    if (error !== undefined && !ClientError.is(error)) fail(error)
    else note({ kind: 'ended', error })
    if (feed.isOver) finish()
    else if (attempt === undefined && !state.isNeeded) share?.idle()
  }

  function fail(error: unknown): void {
    failure ??= { error }
    // Closed by itself, or now.
    if (feed.isOver) finish()
    else feed.close()
  }

  function finish(): void {
    clearTimeout(timer)
    stopWaking?.()
    share?.leave()
    settle()
  }

  const feed: Feed = {
    settings,
    sink,
    url,
    lastEventId,
    seen: new Set(),
    isHub: fallback !== false && method === 'GET' && !ONLY_STREAMED.test(url),
    closed,
    tokens: {
      get wereRefused() {
        return state.wereRefused
      },
    },
    get isOver() {
      return state.phase === 'over'
    },
    begin() {
      if (feed.isOver || stopWaking !== undefined) return
      stopWaking = onWake(() => note({ kind: 'woke' }))
      share = join?.(feed)
      if (share === undefined) feed.start()
    },
    start: () => note({ kind: 'start' }),
    release() {
      note({ kind: 'release' })
      if (attempt === undefined) share?.idle()
    },
    restart: () => note({ kind: 'restart' }),
    reopen: () => attempt && note({ kind: 'restart' }),
    close: () => note({ kind: 'close' }),
    fail,
    note,
    async take(event) {
      const { type, data, lastEventId: id, topic } = event
      const status = statusOf(event)
      share?.pass(event)
      if (status !== undefined) {
        // Its position is not kept: whoever returns to this stream must learn of the failure again.
        if (status.kind === 'stream-failed' && topic === undefined) return fail(status.error)
        sink.tell(status)
        if (status.kind === 'end') feed.close()
        const readTimeoutMs = hasReadTimeout ? undefined : readTimeoutOf(data)
        if (readTimeoutMs !== undefined) note({ kind: 'terms', terms: { readTimeoutMs } })
      } else if (!type.startsWith('tailrace.')) {
        await sink.take(event)
        // Closed meanwhile.
        if (feed.isOver) return
      }
      feed.lastEventId = id
      sink.keep(id)
    },
  }
  return feed
}
