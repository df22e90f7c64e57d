import { setImmediate } from 'node:timers/promises'

import type { RequirementName } from '@tailrace/testkit'
import type { Reporter, SerializedError, TestCase, TestModule, TestSuite, Vitest } from 'vitest/node'

/**
 * Names every skipped test and counts all tests, so that a run that tested little cannot look like one that tested
 * everything. With `CI=true`, a skipped test or a missing tool fails the run.
 */
// oxlint-disable-next-line import/no-default-export -- vitest takes a reporter's default export
export default class SkipReporter implements Reporter {
  #vitest: Vitest | undefined

  onInit(vitest: Vitest): void {
    this.#vitest = vitest
  }

  async onTestRunEnd(
    modules: readonly TestModule[],
    unhandledErrors: readonly SerializedError[],
  ): Promise<void> {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const passed = tests.filter((test) => test.result().state === 'passed')
    const skipped = tests.filter((test) => test.result().state === 'skipped' && this.#isChosen(test))
    const failed = failures(modules) + unhandledErrors.length
    const unmet = new Set<RequirementName>(modules.flatMap((module) => module.meta().unmetNeeds ?? []))

    const lines: string[] = []
    if (skipped.length > 0) lines.push('skipped:', ...skipped.map((test) => `  ${describe(test)}`))
    if (process.env['CI'] === 'true' && (skipped.length > 0 || unmet.size > 0)) {
      process.exitCode = 1
      const needs = unmet.size > 0 ? `; missing: ${[...unmet].join(', ')}` : ''
      lines.push(`failing the run: with CI=true nothing may be skipped${needs}`)
    }
    lines.push(`${passed.length} passed, ${failed} failed, ${skipped.length} skipped`)

    // The other reporters print in this iteration of the event loop; these lines come last.
    await setImmediate()
    for (const line of lines) this.#vitest?.logger.log(line)
  }

  /** A test that `-t` filtered out was not requested. */
  #isChosen(test: TestCase): boolean {
    const pattern = this.#vitest?.config.testNamePattern
    return pattern === undefined || pattern.test(test.fullName)
  }
}

/** Failed and unfinished tests, and the files and suites that failed before or after their tests. */
function failures(modules: readonly TestModule[]): number {
  let count = 0
  for (const module of modules) {
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      if (state === 'failed' || state === 'pending') count++
    }
    const suites: (TestModule | TestSuite)[] = [module, ...module.children.allSuites()]
    count += suites.filter((suite) => suite.errors().length > 0).length
  }
  return count
}

function describe(test: TestCase): string {
  const result = test.result()
  const unmet = test.module.meta().unmetNeeds ?? []
  const reasons = [
    ...(test.options.mode === 'todo' ? ['todo'] : []),
    ...(result.state === 'skipped' && result.note !== undefined ? [result.note] : []),
    ...(unmet.length > 0 ? [`its file needs ${unmet.join(', ')}`] : []),
  ]
  const why = reasons.length > 0 ? ` (${reasons.join('; ')})` : ''
  return `${test.module.relativeModuleId} > ${test.fullName}${why}`
}
