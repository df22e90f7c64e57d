import { join } from 'node:path'
import { tempDir } from '@tailrace/testkit'
import type { CliProcess, TempDir } from '@tailrace/testkit'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import { startScriptedModel } from './scripted-model.ts'
import type { ScriptedAnswer, ScriptedModel } from './scripted-model.ts'

/** Starts a server of the example on a port, 0 for any. Resolves with its origin when it is ready. */
export type Start = (
  port: number,
  env: Record<string, string>,
) => Promise<{ origin: string; process: CliProcess }>

/** A server with a log and a model of its own, for the tests of a suite. Each has a chat of its own. */
export interface Place {
  /** Opens the chat in a tab. */
  open(): Promise<Page>
  /** The next question that the model is asked. */
  asked(): Promise<ScriptedAnswer>
  kill(signal: NodeJS.Signals): Promise<void>
  /** Starts the server again, at the same address, on the same log. */
  restart(): Promise<void>
}

export function placeOf(start: Start, browser: () => Browser): Place {
  let dir: TempDir
  let context: BrowserContext
  let model: ScriptedModel
  let server: Awaited<ReturnType<Start>>
  let chats = 0
  const failures: string[] = []

  const startServer = (port: number): ReturnType<Start> =>
    start(port, {
      LOG: `sqlite:${join(dir.path, 'chats.db')}`,
      OPENAI_BASE_URL: model.url,
      OPENAI_API_KEY: 'key',
    })

  beforeAll(async () => {
    dir = tempDir()
    model = await startScriptedModel()
    server = await startServer(0)
  })

  afterAll(async () => {
    await server?.process[Symbol.asyncDispose]()
    model?.[Symbol.dispose]()
    dir?.[Symbol.dispose]()
    expect(failures).toEqual([])
  })

  beforeEach(async () => {
    chats += 1
    context = await browser().newContext()
  })
  afterEach(() => context.close())

  return {
    async open() {
      const page = await context.newPage()
      page.on('pageerror', (error) => failures.push(error.message))
      await page.goto(`${server.origin}/chat/chat-${chats}`)
      return page
    },
    asked: () => model.asked(),
    async kill(signal) {
      await server.process.kill(signal)
    },
    async restart() {
      server = await startServer(Number(new URL(server.origin).port))
    },
  }
}
