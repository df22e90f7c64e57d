import { readFileSync } from 'node:fs'
import type { HttpAbility } from '../packages/http-suite/src/index.ts'

interface Results {
  readonly name: string
  readonly versions: Readonly<Record<string, string>>
  /** By clause and behaviour. */
  readonly results: Readonly<Record<string, string>>
}

const folder = new URL('../packages/http-suite/results/', import.meta.url)

/** Ways of serving, by the names of their files. */
const PROTOCOL = [
  'program',
  'program-node-http',
  'program-workers',
  'program-tls',
  'program-http2',
  'create-handler',
  'create-web-handler',
]
const APPLICATIONS = [
  'node-http',
  'node-http2',
  'express',
  'fastify',
  'koa',
  'nest',
  'hono',
  'h3',
  'next',
  'bun',
  'deno',
  'workerd',
]

/** Why a test does not apply where an ability is missing. */
const WITHOUT: Readonly<Record<HttpAbility, string>> = {
  publish: 'nothing is published over HTTP',
  history: 'no history is served',
  protocol: 'the application chooses the paths, the topics, and what else is in a query',
  topics: 'topics are not listed or purged over HTTP',
  connections: 'open streams are not listed over HTTP',
  health: 'the application has its own probes',
  origins: 'requests of pages are not checked',
  cors: 'the framework decides what pages of other sites may read',
  http1: 'chunks and malformed heads of HTTP/1.1 do not exist in HTTP/2',
  listener: 'the framework or the runtime reads the requests',
  limits: 'the application, or what is in front of it, has its own limits',
  count: 'open streams cannot be counted from outside',
  interrupt: 'the log cannot be disconnected from outside',
  drain: 'the hub cannot be drained',
}

/** What the clauses of `spec/protocol.md` are about that the suite tests. */
const SUBJECTS: Readonly<Record<string, string>> = {
  '1.1': 'topics',
  '1.2': 'patterns',
  '1.3': 'topics in paths',
  '1.4': 'cursors',
  '1.5': 'types and keys',
  '2.1': 'publishing an event',
  '2.2': 'the response',
  '2.3': 'refused publishes',
  '2.4': 'repeats',
  '2.5': 'batches',
  '2.6': 'the response to a batch',
  '2.7': 'purging',
  '2.8': 'removing keys',
  '3.1': 'selecting topics',
  '3.2': 'Accept',
  '3.3': 'the head of a stream',
  '3.4': 'where a stream starts',
  '3.5': 'frames',
  '3.6': 'delivery',
  '3.7': 'snapshots',
  '3.8': 'control events',
  '3.9': 'gaps',
  '3.10': 'what follows a gap',
  '3.11': 'conflation',
  '3.12': 'why streams are ended',
  '3.13': 'heartbeats',
  '3.14': 'the end of topics',
  '3.15': 'readers that are turned away',
  '3.16': 'parameters',
  '3.17': 'HEAD',
  '3.18': 'trace context',
  '4.1': 'history',
  '4.2': 'pages',
  '4.3': 'waiting',
  '4.4': 'cursors that are gone',
  '4.5': 'listing topics',
  '5.5': 'publishes of pages',
  '5.6': 'CORS',
  '6.1': 'probes',
  '6.2': 'limits of an address',
  '6.4': 'listing streams',
  '6.5': 'ending streams',
  '6.7': 'hubs without room',
  '6.9': 'interruptions of the log',
  '7.1': 'problems',
  '7.2': 'Retry-After',
  '7.3': 'refused bodies',
  '7.4': 'bad requests',
  '7.5': 'Upgrade',
}

const NOT_APPLICABLE = 'not applicable: '
const FAILS = 'fails: '

/** The page that shows which clauses hold for which way of serving, from the results of the tests. */
export function httpContract(): string {
  const notes: string[] = []
  return `# The HTTP contract, by way of serving

Written by \`npm run docs\` from the results of [\`@tailrace/http-suite\`](../../packages/http-suite/README.md) in
\`packages/http-suite/results\`. Each run of the tests compares its results with these; \`TAILRACE_RECORD=1\` writes them.

The rows are the clauses of [the protocol](../../spec/protocol.md). ✓: all tests of the clause pass. 2 of 3: so many of its tests
apply, and pass. –: none of them applies. ✗: a test fails, for the reason in the note; all others that apply pass.

The suite does not test tokens and tickets (5.1 to 5.4, 5.7 to 5.9), limits of subjects and of reads (6.2, 6.8, 6.11), metrics
(6.3), the page for people (6.6), a log that was replaced (6.10), one-off streams (section 8), and what only applications have
(9.4, 9.6 and 9.7). Other tests of this repository do, for the program or for \`serve\` and \`respond\`.

## The protocol at its own paths

${table(PROTOCOL, notes)}

## An endpoint of an application

By \`serve\`, \`serveHistory\` and \`servePublish\` of \`@tailrace/http/node\` with \`node:http\`, \`node:http2\`, Express, Fastify, Koa and
Nest, and elsewhere by \`respond\`, \`respondHistory\` and \`respondPublish\` of \`@tailrace/http/web\`.

${table(APPLICATIONS, notes)}

${notes.map((note, i) => `${i + 1}. ${note}`).join('\n')}

Bun closes connections that are silent for ten seconds, which is before the first heartbeat of a hub with default settings. Here it
runs with \`idleTimeout: 60\`. In Workers, one Durable Object serves all requests, since a Worker may not write to the response of
another request; its log is in memory. Bun, Deno and Next store events in SQLite.

## Tests

Where a test does not apply, something is missing that it needs:

${list(
  Object.entries(WITHOUT).filter(([ability]) => isMissing(ability)),
  ([ability, why]) => `\`${ability}\`: ${why}`,
)}

| | Test | Needs |
| --- | --- | --- |
${testRows().join('\n')}

## Versions

${list([...PROTOCOL, ...APPLICATIONS].map(read), ({ name, versions }) => `${name}: ${versionText(versions)}`)}
`
}

/** @throws Error if the page would not show all results */
function read(id: string): Results {
  const found = JSON.parse(readFileSync(new URL(`${id}.json`, folder), 'utf8')) as Results
  const stray = Object.keys(found.results).find((test) => SUBJECTS[test.split(' ', 1)[0]!] === undefined)
  if (stray !== undefined)
    throw new Error(`No row of the page is about “${stray}”: name its clause in SUBJECTS.`)
  return found
}

function table(ids: readonly string[], notes: string[]): string {
  const ways = ids.map(read)
  const rows = Object.keys(SUBJECTS).map((clause) => {
    const cells = ways.map(({ results }) => cellOf(outcomesOf(results, clause), notes))
    return `| ${clause} ${SUBJECTS[clause]} | ${cells.join(' | ')} |`
  })
  const head = `| | ${ways.map(({ name }) => name).join(' | ')} |`
  return [head, `| --- |${' :-: |'.repeat(ways.length)}`, ...rows].join('\n')
}

function outcomesOf(results: Results['results'], clause: string): string[] {
  return Object.entries(results).flatMap(([test, outcome]) =>
    test.startsWith(`${clause} `) ? [outcome] : [],
  )
}

function cellOf(outcomes: readonly string[], notes: string[]): string {
  const failure = outcomes.find((outcome) => outcome.startsWith(FAILS))
  if (failure !== undefined) {
    const note = failure.slice(FAILS.length)
    if (!notes.includes(note)) notes.push(note)
    return `✗ (${notes.indexOf(note) + 1})`
  }
  const passed = outcomes.filter((outcome) => outcome === 'passed').length
  if (passed === outcomes.length) return '✓'
  return passed === 0 ? '–' : `${passed} of ${outcomes.length}`
}

/** Every test, with the abilities whose absence kept it from being run. */
function testRows(): string[] {
  const ways = [...PROTOCOL, ...APPLICATIONS].map(read)
  return Object.keys(ways[0]!.results).map((test) => {
    const [clause, ...words] = test.split(' ')
    const needs = new Set(ways.flatMap(({ results }) => abilityOf(results[test]!) ?? []))
    return `| ${clause} | ${words.join(' ').replaceAll('|', '\\|')} | ${[...needs].map((one) => `\`${one}\``).join(', ')} |`
  })
}

function abilityOf(outcome: string): string | undefined {
  return outcome.startsWith(NOT_APPLICABLE) ? outcome.slice(NOT_APPLICABLE.length) : undefined
}

function isMissing(ability: string): boolean {
  const ways = [...PROTOCOL, ...APPLICATIONS].map(read)
  return ways.some(({ results }) => Object.values(results).some((outcome) => abilityOf(outcome) === ability))
}

function versionText(versions: Results['versions']): string {
  return Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ')
}

function list<T>(items: readonly T[], text: (item: T) => string): string {
  return items.map((item) => `- ${text(item)}`).join('\n')
}
