import { Registry } from 'prom-client'
import { addProcessMetrics, isCounter, snapshotOf } from '../observe/snapshot.ts'
import type { MetricSnapshot, MetricValues } from '../observe/snapshot.ts'
import { within } from './everyone.ts'
import type { Holdings } from './holdings.ts'
import { MetricsMemory } from './metrics-memory.ts'
import type { Post } from './post.ts'

/** Collects the metrics of all processes of a hub. */
export class Collection {
  readonly #crew: readonly Post[]
  readonly #posts: readonly Post[]
  readonly #holdings: Holdings
  readonly #memory = new MetricsMemory()
  readonly #own = new Registry()

  /** @param posts - the crew, and the owner of the log if there is one */
  constructor(crew: readonly Post[], posts: readonly Post[], holdings: Holdings) {
    this.#crew = crew
    this.#posts = posts
    this.#holdings = holdings
    addProcessMetrics(this.#own)
  }

  remember(process: string, counters: MetricSnapshot): void {
    this.#memory.remember(process, counters)
  }

  retire(process: string): void {
    this.#memory.retire(process)
  }

  async collect(): Promise<readonly MetricSnapshot[]> {
    const answers = await Promise.all(
      this.#posts.map(async (post) => {
        const { name, link } = post
        if (link === undefined) return { post, snapshot: undefined }
        const answer = await within(link.ask('metrics')).catch(() => undefined)
        // If the process is gone by now, what it counted is part of the past.
        if (answer !== undefined && post.link === link) this.#memory.remember(name, answer.value)
        return { post, snapshot: answer?.value }
      }),
    )
    const gauges = answers.map(({ snapshot = [] }) => snapshot.filter((metric) => !isCounter(metric)))
    const answered = new Set(answers.flatMap(({ post, snapshot }) => (snapshot === undefined ? [] : [post])))
    const own = await snapshotOf(this.#own)
    return [...gauges, ...this.#memory.counters(), own, this.#describe(answered)]
  }

  #describe(answered: ReadonlySet<Post>): MetricSnapshot {
    const ofWorkers = (
      name: string,
      help: string,
      read: (post: Post, i: number) => number,
    ): MetricValues => ({
      name,
      help,
      type: 'gauge',
      aggregator: 'sum',
      values: this.#crew.map((post, i) => ({ value: read(post, i), labels: { worker: String(i + 1) } })),
    })
    return [
      ofWorkers('tailrace_worker_up', '1 for a worker that answers, 0 for one that does not.', (post) =>
        answered.has(post) ? 1 : 0,
      ),
      ofWorkers('tailrace_worker_sockets', 'Open connections of each worker.', (_, i) =>
        this.#holdings.socketsOf(i + 1),
      ),
      {
        name: 'tailrace_replacements_total',
        help: 'Processes that were replaced because they ended or did not answer.',
        type: 'counter',
        aggregator: 'sum',
        values: this.#posts.map(({ name, replacements }) => ({
          value: replacements,
          labels: { process: name },
        })),
      },
    ]
  }
}
