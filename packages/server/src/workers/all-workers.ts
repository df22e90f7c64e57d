import { HttpError, keepFurthest } from '@tailrace/http'
import type { Processes } from '@tailrace/http'
import type { Question, SupervisorCalls } from './calls.ts'
import type { Link } from './link.ts'
import { unpackError } from './packed-error.ts'

/** How long the answer to whether all are ready is used again. Anyone may ask, and each question costs all of them. */
const READY_MS = 1_000

/** What the workers answered that were there, and the numbers of those that did not answer in time. */
interface Answers<T> {
  readonly answers: readonly { readonly worker: number; readonly value: T }[]
  readonly unanswered: readonly number[] | undefined
}

/** All workers of a hub, as one of them asks them through the supervisor. It asks itself in the same way. */
export function allWorkers(link: Link<SupervisorCalls>): Processes {
  async function ask<Q extends Question>(
    question: Q,
    ...args: Parameters<Processes[Q]>
  ): Promise<Answers<Awaited<ReturnType<Processes[Q]>>>> {
    const replies = await link.ask('everyone', question, args)
    const failed = replies.find(({ error }) => error !== undefined)
    if (failed !== undefined) throw unpackError(failed.error!)
    const answers = replies.flatMap(({ worker, ...reply }) =>
      'value' in reply ? [{ worker, value: reply.value as Awaited<ReturnType<Processes[Q]>> }] : [],
    )
    const silent = replies.filter((reply) => !('value' in reply)).map(({ worker }) => worker)
    return { answers, unanswered: silent.length === 0 ? undefined : silent }
  }

  async function askReady(): Promise<void> {
    const { unanswered } = await ask('ready')
    if (unanswered === undefined) return
    throw new HttpError('overloaded', `These workers do not answer: ${unanswered.join(', ')}.`)
  }

  let readiness: Promise<void> | undefined

  return {
    ready() {
      if (readiness === undefined) {
        readiness = askReady()
        setTimeout(() => {
          readiness = undefined
        }, READY_MS).unref()
      }
      return readiness
    },

    async listStreams(limit) {
      const { answers, unanswered } = await ask('listStreams', limit)
      const streams = answers.flatMap(({ worker, value: { connections } }) =>
        connections.map((stream) => ({ ...stream, worker })),
      )
      return {
        total: answers.reduce((sum, { value }) => sum + value.total, 0),
        connections: keepFurthest(streams, limit),
        unanswered,
      }
    },

    async findStream(id) {
      const { answers } = await ask('findStream', id)
      return answers.find(({ value }) => value !== undefined)?.value
    },

    async endStreams(ending) {
      const { answers, unanswered } = await ask('endStreams', ending)
      return { ended: answers.reduce((sum, { value }) => sum + value.ended, 0), unanswered }
    },
  }
}
