import { resolve } from 'node:path'
import { launchChromium } from '@tailrace/testkit'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { rolldown } from 'rolldown'
import type * as client from '@tailrace/client'

/** What a page of {@link openBrowser} has besides its own: the client, and what was received so far. */
export interface PageGlobals {
  tailrace: typeof client
  received: string[]
  statuses: string[]
  subscription: client.Subscription<Record<string, string>>
}

const PAGE = `<!doctype html><title>test</title><script type="module">
  import * as tailrace from '/test/client.js'
  window.tailrace = tailrace
  window.received = []
  window.statuses = []
  window.isReady = true
</script>`

export interface TestBrowser extends AsyncDisposable {
  readonly browser: Browser
  readonly context: BrowserContext
  /** A page of that origin, with the client; a script may change the page before that. */
  open(origin: string, script?: () => void): Promise<Page>
}

const CLIENT = resolve(import.meta.dirname, '../../src/index.ts')

/** Real Chromium, whose pages come from the origin under test without being part of it, and have a module. */
export async function openBrowser(entry: string = CLIENT): Promise<TestBrowser> {
  const [browser, client] = await Promise.all([launchChromium(), bundle(entry)])
  const context = await browser.newContext()
  await context.route('**/test/page', (route) => route.fulfill({ contentType: 'text/html', body: PAGE }))
  await context.route('**/test/client.js', (route) =>
    route.fulfill({ contentType: 'text/javascript', body: client }),
  )
  return {
    browser,
    context,
    async open(origin, script) {
      const page = await context.newPage()
      if (script !== undefined) await page.addInitScript(script)
      await page.goto(`${origin}/test/page`)
      await page.waitForFunction('window.isReady')
      return page
    },
    [Symbol.asyncDispose]: () => browser.close(),
  }
}

/** A module as a page would load it, in one file. */
async function bundle(entry: string): Promise<string> {
  await using build = await rolldown({
    input: entry,
    resolve: { conditionNames: ['@tailrace/source', 'import', 'default'] },
    // The React of development, which mounts twice in strict mode.
    transform: { define: { 'process.env.NODE_ENV': '"development"' } },
    // `use client` is for servers.
    checks: { moduleLevelDirective: false },
  })
  const { output } = await build.generate({ format: 'esm', codeSplitting: false })
  return output[0].code
}
