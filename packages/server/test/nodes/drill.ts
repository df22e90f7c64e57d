import { Auditor } from '@tailrace/testkit'
import type { Random, Verdict } from '@tailrace/testkit'
import { readHistory } from '@tailrace/client'
import { bearer, ticketOf, tokenOf } from '../auth/tokens.ts'
import type { Deployment } from './deployment.ts'
import { Publisher } from './publisher.ts'
import { Reader } from './reader.ts'
import { until } from './until.ts'

const PUBLISHERS = ['p0', 'p1', 'p2', 'p3']
/** Each reads all publishers; and one more for each publisher. */
const READERS_OF_ALL = 8
const PAUSE_MS = 20
/** Maximum time for the last acknowledgements. */
const CATCH_UP_MS = 60_000

/** What a drill may do, and wait for. */
export interface Stage {
  readonly deployment: Deployment
  readonly random: Random
  /** The topic to which a publisher publishes. */
  topicOf(publisher: string): string
  /** Resolves once so many more events have been acknowledged. */
  acknowledged(count: number): Promise<void>
  /** Resolves once every reader has received everything that was acknowledged before the call. */
  delivered(): Promise<void>
  /** Attempts of publishers that did not succeed so far. */
  refused(): number
  /** Notes what happens now, for the message of a failure. */
  note(line: string): void
  /** Notes something that operators should know, for the results. */
  remark(line: string): void
}

/** Something that goes wrong, or that an operator does. */
export interface Drill {
  readonly name: string
  /** What it needs that a machine may lack. */
  readonly needs?: 'network' | 'mount' | 'faketime' | undefined
  /** Whether publishers may be refused meanwhile, and have to try again. */
  readonly mayRefuse: boolean
  run(stage: Stage): Promise<void>
}

export interface Outcome extends Verdict {
  readonly drill: string
  readonly seconds: number
  /** Attempts to publish that did not succeed. */
  readonly refused: number
  /** The longest time from the first attempt to publish an event to its acknowledgement. */
  readonly longestPublishMs: number
  /** The longest time for which a reader received nothing. */
  readonly longestSilenceMs: number
  /** The number of times that a reader had to connect again, for all of them together. */
  readonly interruptions: number
  readonly isGood: boolean
  /** What happened, with times. */
  readonly story: readonly string[]
  readonly remarks: readonly string[]
}

let drills = 0

/** Runs a drill under load, and finds out whether anybody lost anything. */
export async function runDrill(deployment: Deployment, drill: Drill, random: Random): Promise<Outcome> {
  drills += 1
  const prefix = `drill-${drills}`
  const began = performance.now()
  const story: string[] = []
  const remarks: string[] = []
  const note = (line: string): void =>
    void story.push(`${((performance.now() - began) / 1000).toFixed(1)} s: ${line}`)
  const token = await tokenOf({ publish: [`${prefix}/*`], subscribe: [`${prefix}/*`] })
  const { url } = deployment
  const auditor = new Auditor()
  const topicOf = (name: string): string => `${prefix}/${name}`
  await deployment.areUp()

  async function openReader(publishers: readonly string[]): Promise<Reader> {
    const topics = publishers.map(topicOf)
    const query = new URLSearchParams([...topics.map((topic) => ['topic', topic]), ['from', 'start']])
    query.append('ticket', await ticketOf(url, token, topics))
    return new Reader(auditor.addReader(publishers), `${url}/events?${query.toString()}`)
  }
  const selections = [
    ...PUBLISHERS.map((name) => [name]),
    ...Array.from({ length: READERS_OF_ALL }, () => PUBLISHERS),
  ]
  const readers = await Promise.all(selections.map(openReader))
  const publishers = PUBLISHERS.map(
    (name) => new Publisher(auditor, name, { url, topic: topicOf(name), token, pauseMs: PAUSE_MS }),
  )
  const refused = (): number => publishers.reduce((sum, publisher) => sum + publisher.refused, 0)
  const stage: Stage = {
    deployment,
    random,
    topicOf,
    async acknowledged(count) {
      const wanted = auditor.verdict().acknowledged + count
      await until(`${count} more events are acknowledged`, () => auditor.verdict().acknowledged >= wanted)
    },
    async delivered() {
      const counts = new Map(PUBLISHERS.map((name) => [name, auditor.offsetsOf(name).length]))
      await until('readers have what was acknowledged', () =>
        readers.every(({ audit }) => audit.hasReceived(counts)),
      )
    },
    refused,
    note,
    remark(line) {
      note(line)
      remarks.push(line)
    },
  }
  try {
    await stage.acknowledged(40)
    await stage.delivered()
    await drill.run(stage)
    await deployment.areUp()
    note('all hubs are up again')
    await stage.acknowledged(40)
    await Promise.all(publishers.map((publisher) => publisher.finish(CATCH_UP_MS)))
    await until('readers have everything', () => auditor.isDelivered)
    note('every reader has everything')
  } catch (error) {
    auditor.report(String(error))
  } finally {
    await Promise.all(publishers.map((publisher) => publisher.finish(0)))
  }
  for (const reader of readers) {
    if (reader.hasGivenUp) auditor.report(`${reader.audit.name} has given up`)
    reader.close()
  }
  for (const hub of deployment.hubs) {
    for (const name of PUBLISHERS) {
      const stored = []
      const history = readHistory(`${hub.url}/topics/${topicOf(name)}`, { headers: bearer(token) })
      for await (const page of history.pages()) stored.push(...page.events)
      auditor.compare(name, stored)
    }
  }
  if (!drill.mayRefuse) {
    for (const refusal of publishers.flatMap(({ refusals }) => refusals))
      auditor.report(`refused: ${refusal}`)
  }
  const verdict = auditor.verdict()
  return {
    drill: drill.name,
    ...verdict,
    seconds: (performance.now() - began) / 1000,
    refused: refused(),
    longestPublishMs: Math.max(...publishers.map(({ longestMs }) => longestMs)),
    longestSilenceMs: Math.max(...readers.map(({ longestMs }) => longestMs)),
    interruptions: readers.reduce((sum, reader) => sum + reader.interruptions, 0),
    isGood: verdict.faults.length === 0 && verdict.gaps === 0,
    story,
    remarks,
  }
}
