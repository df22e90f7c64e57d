import { EventSource as Client } from '@tailrace/client'
import { needs } from '@tailrace/testkit'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from 'vitest'
import { openBrowser } from '../browser/page.ts'
import type { TestBrowser } from '../browser/page.ts'
import { IMPLEMENTATIONS } from './case.ts'
import type { Case, Given, Implementation, Json } from './case.ts'
import { closing } from './closing.ts'
import { connection } from './connection.ts'
import { cors } from './cors.ts'
import { dispatch } from './dispatch.ts'
import { fields } from './fields.ts'
import { interfaces } from './interface.ts'
import { lines } from './lines.ts'
import { reconnection } from './reconnection.ts'
import { request } from './request.ts'
import { Stage } from './server.ts'
import { UNTESTABLE } from './untestable.ts'

const chromium = needs('chromium')

const CASES: readonly Case[] = [
  ...interfaces,
  ...request,
  ...connection,
  ...closing,
  ...reconnection,
  ...cors,
  ...lines,
  ...fields,
  ...dispatch,
]
const NAMES: Record<Implementation, string> = {
  node: 'this client in Node',
  bundled: 'this client in Chromium',
  native: "Chromium's own",
}

const stage = new Stage()
let browser: TestBrowser | undefined
let pages: Record<'same' | 'other', Page>

beforeAll(async () => {
  const { origins } = await stage.open()
  if (!chromium) return
  browser = await openBrowser()
  pages = { same: await browser.open(origins.same), other: await browser.open(origins.other) }
  // To Chromium a page that was made up is not of this machine, whose addresses need a permission then.
  await browser.context.grantPermissions(['local-network-access'])
  // Interception goes round the cache, and adds headers that say so.
  await browser.context.unrouteAll()
  await browser.context.addCookies([{ name: 'session', value: '1', url: origins.same }])
})

afterAll(async () => {
  await browser?.[Symbol.asyncDispose]()
  await stage[Symbol.asyncDispose]()
})

/** Runs in a page as well. */
function given(Source: typeof EventSource, url: string, types: readonly string[]): Given {
  return {
    types,
    settle: () =>
      new Promise((resolve) => {
        const source = new Source(`${url}settle`)
        source.addEventListener('message', () => {
          source.close()
          resolve()
        })
      }),
  }
}

async function resultOf(
  { answers = [], types = [], page: origin = 'same', run }: Case,
  implementation: Implementation,
): Promise<Json> {
  const url = stage.play(answers)
  if (implementation === 'node') {
    const source = Client as unknown as typeof EventSource
    return run(source, url, given(source, url, types))
  }
  const page = pages[origin]
  onTestFailed(async () => {
    // What it has left open would keep the next ones from connecting.
    await page.evaluate('stop()')
  })
  const source = implementation === 'native' ? 'EventSource' : 'tailrace.EventSource'
  const args = `${source}, ${JSON.stringify(url)}`
  return page.evaluate<Json>(
    `(${String(run)})(${args}, (${String(given)})(${args}, ${JSON.stringify(types)}))`,
  )
}

describe.each(IMPLEMENTATIONS.map((one) => [NAMES[one], one] as const))('%s', (_, implementation) => {
  const isRunnable = implementation === 'node' || chromium
  test.skipIf(!isRunnable).each(CASES.map((one) => [titleOf(one), one] as const))(
    '%s',
    { timeout: 10_000 },
    async (_title, one) => {
      const difference = one.differs?.[implementation]
      expect(await resultOf(one, implementation)).toEqual(difference ? difference.result : one.expected)
      if (difference) expect(difference.result, difference.reason).not.toEqual(one.expected)
    },
  )
})

function titleOf({ section, sentence, about }: Case): string {
  return `${section} ${sentence}${about === undefined ? '' : `: ${about}`}`
}

test('every section that has a normative sentence has a case, or the reason why not', () => {
  const covered = new Set([...CASES, ...UNTESTABLE].map(({ section }) => section))
  expect([...covered].toSorted()).toEqual([
    '9.2.2',
    '9.2.3',
    '9.2.4',
    '9.2.5',
    '9.2.6',
    '9.2.7',
    '9.2.8',
    '9.2.9',
  ])
  expect(new Set(CASES.map(titleOf)).size).toBe(CASES.length)
})
