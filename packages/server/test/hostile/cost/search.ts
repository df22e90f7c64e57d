import { GROWTH } from './input.ts'
import type { Input } from './input.ts'
import { measure } from './measure.ts'
import type { Cost } from './measure.ts'
import { growthOffences, offencesOf } from './offence.ts'
import { observeIdle, startSubject } from './subject.ts'
import type { Idle, Subject, SubjectOptions } from './subject.ts'

/** What costs less is cheap, however it grows. */
const CHEAP_MS = 10
/** Inputs of a family that are tried together: when all of them together are cheap, so is each. */
const AT_ONCE = 24
const CHEAP_AT_ONCE_MS = 60
/** Chance does not fail an input three times in a row; what costs this much needs no second look. */
const HEARINGS = 3
const BEYOND_DOUBT_MS = 1_000
const MAX_FAILURES_OF_FAMILY = 2

/** What became of an input. */
export interface Finding {
  readonly name: string
  readonly large: Cost
  /** Where the larger size was not cheap anyway. */
  readonly small?: Cost
  /** Why it is too expensive; none where it is not. */
  readonly offences: readonly string[]
}

export interface Search {
  readonly findings: readonly Finding[]
  /** Inputs that were not tried, since others of their family had failed. */
  readonly skipped: number
  readonly idle: Idle
}

/** Tries inputs on a hub, which is replaced when one of them was too much for it. */
export async function search(options: SubjectOptions, inputs: readonly Input[]): Promise<Search> {
  const findings: Finding[] = []
  let skipped = 0
  let subject = await startSubject(options)
  const replace = async (): Promise<void> => {
    await subject[Symbol.asyncDispose]()
    subject = await startSubject(options)
  }
  try {
    const idle = await observeIdle(subject)
    for (const family of Map.groupBy(inputs, (input) => input.family).values()) {
      const suspects: Input[] = []
      for (let i = 0; family.length > 1 && i < family.length; i += AT_ONCE) {
        const some = family.slice(i, i + AT_ONCE)
        const finding = await screen(subject, idle, some)
        if (finding.offences.length === 0) {
          findings.push(finding)
          continue
        }
        suspects.push(...some)
        await replace()
      }
      if (family.length === 1) suspects.push(...family)
      let failures = 0
      for (const [i, input] of suspects.entries()) {
        const finding = await hear(input)
        findings.push(finding)
        if (finding.offences.length > 0) failures += 1
        if (failures < MAX_FAILURES_OF_FAMILY) continue
        skipped += suspects.length - i - 1
        break
      }
    }
    return { findings, skipped, idle }

    async function hear(input: Input): Promise<Finding> {
      for (let hearing = 1; ; hearing += 1) {
        const finding = await examine(subject, idle, input)
        if (finding.offences.length === 0) return finding
        await replace()
        if (hearing === HEARINGS || finding.large.cpuMs > BEYOND_DOUBT_MS) return finding
      }
    }
  } finally {
    await subject[Symbol.asyncDispose]()
  }
}

/** Several inputs at once, at their larger size. */
async function screen(subject: Subject, idle: Idle, inputs: readonly Input[]): Promise<Finding> {
  const [{ family, size }] = inputs as [Input]
  const failures: string[] = []
  const large = await measure(
    subject,
    idle,
    {
      async run(hub, length) {
        const answers = await Promise.all(inputs.map((input) => input.run(hub, length)))
        return answers.toSorted(
          (a, b) => Number(b.status >= 400) * b.bytes - Number(a.status >= 400) * a.bytes,
        )[0]!
      },
    },
    size * GROWTH,
  )
  if (large.cpuMs > CHEAP_AT_ONCE_MS) failures.push('not cheap')
  const all = { ...inputs[0]!, worth: inputs.length }
  return {
    name: `${family}: ${inputs.length} at once`,
    large,
    offences: [...failures, ...offencesOf(idle, all, large)],
  }
}

async function examine(subject: Subject, idle: Idle, input: Input): Promise<Finding> {
  const { name, size } = input
  const large = await measure(subject, idle, input, size * GROWTH)
  const offences = offencesOf(idle, input, large)
  if (offences.length > 0 || large.cpuMs <= CHEAP_MS) return { name, large, offences }
  const small = await measure(subject, idle, input, size)
  // The first run of anything is slow.
  const again = await measure(subject, idle, input, size * GROWTH)
  const least = again.cpuMs < large.cpuMs ? again : large
  return {
    name,
    large: least,
    small,
    offences: [...offencesOf(idle, input, again), ...growthOffences(input, small, least)],
  }
}
