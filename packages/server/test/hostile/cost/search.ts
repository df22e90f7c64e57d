import { GROWTH } from './input.ts'
import type { Input } from './input.ts'
import { measure } from './measure.ts'
import type { Cost } from './measure.ts'
import { growthOffences, offencesOf } from './offence.ts'
import { observeIdle, startSubject } from './subject.ts'
import type { Idle, Subject, SubjectOptions } from './subject.ts'

/** An input that costs less than this is cheap, however its cost grows. */
const CHEAP_MS = 10
/** Inputs of one family are tried together first: if all of them are cheap together, each of them is. */
const AT_ONCE = 24
const CHEAP_AT_ONCE_MS = 60
/** Noise does not fail an input three times in a row. A cost beyond doubt needs no third hearing. */
const HEARINGS = 3
const BEYOND_DOUBT_MS = 1_000
const MAX_FAILURES_OF_FAMILY = 2

/** The result of one input, or of several at once. */
export interface Finding {
  readonly name: string
  readonly large: Cost
  /** Absent if the larger size was cheap. */
  readonly small?: Cost
  /** Why the input is too expensive. Empty if it is not. */
  readonly offences: readonly string[]
}

export interface Search {
  readonly findings: readonly Finding[]
  /** Inputs that were not tried because enough others had failed. */
  readonly skipped: number
  readonly idle: Idle
}

/** A hub that is replaced by a fresh one after each failure. */
interface Bench extends AsyncDisposable {
  readonly idle: Idle
  subject(): Subject
  replace(): Promise<void>
}

async function openBench(options: SubjectOptions): Promise<Bench> {
  let subject = await startSubject(options)
  return {
    idle: await observeIdle(subject),
    subject: () => subject,
    async replace() {
      await subject[Symbol.asyncDispose]()
      subject = await startSubject(options)
    },
    [Symbol.asyncDispose]: () => subject[Symbol.asyncDispose](),
  }
}

/** Tries inputs on a hub until `maxFailures` of them have proved too expensive. */
export async function search(
  options: SubjectOptions,
  inputs: readonly Input[],
  maxFailures: number,
): Promise<Search> {
  await using bench = await openBench(options)
  const findings: Finding[] = []
  let tried = 0
  let failures = 0
  for (const family of Map.groupBy(inputs, (input) => input.family).values()) {
    const { cheap, suspects } = await screen(bench, family)
    findings.push(...cheap)
    tried += family.length - suspects.length
    let failuresOfFamily = 0
    for (const input of suspects) {
      if (failuresOfFamily === MAX_FAILURES_OF_FAMILY || failures === maxFailures) break
      const finding = await hear(bench, input)
      findings.push(finding)
      tried += 1
      if (finding.offences.length === 0) continue
      failuresOfFamily += 1
      failures += 1
    }
    if (failures === maxFailures) break
  }
  return { findings, skipped: inputs.length - tried, idle: bench.idle }
}

interface Screened {
  readonly cheap: readonly Finding[]
  readonly suspects: readonly Input[]
}

/** Tries the inputs of a family together. */
async function screen(bench: Bench, family: readonly Input[]): Promise<Screened> {
  const cheap: Finding[] = []
  const suspects: Input[] = []
  for (let i = 0; i < family.length; i += AT_ONCE) {
    const some = family.slice(i, i + AT_ONCE)
    const finding = some.length > 1 ? await examineTogether(bench, some) : undefined
    if (finding === undefined) {
      suspects.push(...some)
    } else if (finding.offences.length === 0 && finding.large.cpuMs <= CHEAP_AT_ONCE_MS) {
      cheap.push(finding)
    } else {
      suspects.push(...some)
      await bench.replace()
    }
  }
  return { cheap, suspects }
}

async function examineTogether({ subject, idle }: Bench, inputs: readonly Input[]): Promise<Finding> {
  const [{ family, size }] = inputs as [Input]
  const together: Input = {
    name: `${family}: ${inputs.length} at once`,
    family,
    size,
    worth: inputs.length,
    async run(hub, length) {
      const answers = await Promise.all(inputs.map((input) => input.run(hub, length)))
      // The largest refusal stands for all.
      return answers.reduce((one, other) => (other.status >= 400 && other.bytes > one.bytes ? other : one))
    },
  }
  const large = await measure(subject(), idle, together, size * GROWTH)
  return { name: together.name, large, offences: offencesOf(idle, together, large) }
}

/** Examines an input, again on a fresh hub if it fails, to rule out noise. */
async function hear(bench: Bench, input: Input): Promise<Finding> {
  for (let hearing = 1; ; hearing += 1) {
    const finding = await examine(bench, input)
    if (finding.offences.length === 0) return finding
    await bench.replace()
    const isBeyondDoubt = hearing > 1 && finding.large.cpuMs > BEYOND_DOUBT_MS
    if (hearing === HEARINGS || isBeyondDoubt) return finding
  }
}

async function examine({ subject, idle }: Bench, input: Input): Promise<Finding> {
  const { name, size } = input
  const first = await measure(subject(), idle, input, size * GROWTH)
  const offences = offencesOf(idle, input, first)
  const isBeyondDoubt = offences.length > 0 && first.cpuMs > BEYOND_DOUBT_MS
  if (isBeyondDoubt || first.cpuMs <= CHEAP_MS) return { name, large: first, offences }
  const small = await measure(subject(), idle, input, size)
  const isInnocent = offences.length === 0 && growthOffences(input, small, first).length === 0
  if (isInnocent) return { name, large: first, small, offences }
  // The first run of anything is slow, on a hub that has compiled none of it: what it did wrong, a second one decides.
  const second = await measure(subject(), idle, input, size * GROWTH)
  const large = second.cpuMs < first.cpuMs ? second : first
  return {
    name,
    large,
    small,
    offences: [...offencesOf(idle, input, second), ...growthOffences(input, small, large)],
  }
}
