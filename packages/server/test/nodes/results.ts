import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Outcome } from './drill.ts'
import type { Engine } from './engine.ts'

const FILE = fileURLToPath(new URL('RESULTS.md', import.meta.url))

const HEAD = `# Three hubs behind HAProxy, and what happens to them

The latest run of \`TAILRACE_LONG=1 npx vitest run packages/server/test/nodes/matrix.long.test.ts\`, which writes this file. Each row is
one drill under load: four publishers, each of which sends its next event 20 ms after the previous one was acknowledged, and
twelve readers, all of them through HAProxy. Add \`-t redis\` to run the drills over one engine, and \`TAILRACE_SEED=…\` to repeat
their choices.

Lost, repeated and out of order are counted over all readers, against what was acknowledged. Refused is the number of attempts
to publish that failed and were repeated; during a rolling restart there must not be any. The longest publish is the time
from the first attempt to the acknowledgement, and the longest silence is the longest time in which a reader received nothing.
The drills shorten the times of the example: heartbeats of 1 s, \`timeout server 4s\` for streams, and readers that reconnect after
about half a second.
`

/** Replaces the section of an engine in RESULTS.md. */
export function writeResults(engine: Engine, seed: number, outcomes: readonly Outcome[]): void {
  const sections = new Map(sectionsOf(existsSync(FILE) ? readFileSync(FILE, 'utf8') : ''))
  sections.set(engine.title, sectionOf(engine, seed, outcomes))
  const sorted = [...sections].toSorted(([one], [other]) => one.localeCompare(other))
  writeFileSync(FILE, [HEAD, ...sorted.map(([, section]) => section)].join('\n'))
}

/** The sections of the file, by their heading. */
function sectionsOf(text: string): [string, string][] {
  const sections = text.split(/^(?=## )/m).slice(1)
  return sections.map((section) => [section.slice(3, section.indexOf('\n')), `${section.trimEnd()}\n`])
}

function sectionOf(engine: Engine, seed: number, outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((outcome) => [
    outcome.drill,
    outcome.acknowledged,
    outcome.repeats,
    outcome.delivered,
    outcome.lost,
    outcome.duplicated,
    outcome.outOfOrder,
    outcome.refused,
    `${(outcome.longestPublishMs / 1000).toFixed(1)} s`,
    `${(outcome.longestSilenceMs / 1000).toFixed(1)} s`,
    outcome.isGood ? 'good' : 'BAD',
  ])
  const names = ['drill', 'acknowledged', 'by a retry', 'delivered', 'lost', 'repeated', 'out of order']
  const head = [...names, 'refused', 'longest publish', 'longest silence', 'result']
  const table = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |\n`).join('')
  const remarks = new Set(outcomes.flatMap((outcome) => outcome.remarks.map((line) => `\n- ${line}\n`)))
  const bad = outcomes.filter(({ isGood }) => !isGood)
  const stories = bad.map(
    ({ drill, faults, story }) => `\n${drill}:\n\n\`\`\`text\n${[...faults, ...story].join('\n')}\n\`\`\`\n`,
  )
  return `## ${engine.title}\n\n${about(engine)}, seed ${seed}.\n\n${table}${[...remarks].join('')}${stories.join('')}`
}

function about(engine: Engine): string {
  const [cpu] = cpus()
  const gibibytes = Math.round(totalmem() / 2 ** 30)
  const haproxy = execFileSync('haproxy', ['-v'], { encoding: 'utf8' }).match(/version (\S+)/)?.[1]
  const date = new Date().toISOString().slice(0, 10)
  const machine = `${cpus().length} × ${cpu?.model.trim()}, ${gibibytes} GiB, Linux ${release()}`
  return `${date}; ${engine.version()}, HAProxy ${haproxy}, Node ${process.version}; ${machine}`
}
