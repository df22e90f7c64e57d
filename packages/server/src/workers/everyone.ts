import type { Question, Reply } from './calls.ts'
import { LinkClosed } from './link.ts'
import { packError } from './packed-error.ts'
import type { Post } from './post.ts'

/** How long a process may take to answer. A request waits for it. */
const MAX_ANSWER_MS = 2_000

/** Asks all workers that are there. One that ends meanwhile has no answer, and nothing to answer about. */
export async function everyoneOf(
  crew: readonly Post[],
  question: Question,
  args: readonly unknown[],
): Promise<readonly Reply[]> {
  const replies = crew.map(async ({ link }, i): Promise<Reply | undefined> => {
    if (link === undefined) return undefined
    const worker = i + 1
    try {
      const ask = link.ask as (name: Question, ...args: readonly unknown[]) => Promise<unknown>
      const answer = await within(ask.call(link, question, ...args))
      return answer === undefined ? { worker } : { worker, ...answer }
    } catch (error) {
      return error instanceof LinkClosed ? undefined : { worker, error: packError(error) }
    }
  })
  return (await Promise.all(replies)).filter((reply) => reply !== undefined)
}

/** Undefined if there is no answer in time. */
export async function within<T>(answer: Promise<T>): Promise<{ readonly value: T } | undefined> {
  const late = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => late.resolve(undefined), MAX_ANSWER_MS)
  try {
    return await Promise.race([answer.then((value) => ({ value })), late.promise])
  } finally {
    clearTimeout(timer)
  }
}
