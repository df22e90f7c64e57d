import { join } from 'node:path'
import { launchChromium, needs, tempDir } from '@tailrace/testkit'
import type { CliProcess, TempDir } from '@tailrace/testkit'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startScriptedModel } from './scripted-model.ts'
import type { ScriptedAnswer, ScriptedModel } from './scripted-model.ts'

/** Starts a server of the example on a port, 0 for any. Resolves with its origin when it is ready. */
export type Start = (
  port: number,
  env: Record<string, string>,
) => Promise<{ origin: string; process: CliProcess }>

const chromium = needs('chromium')

/** What must hold however the example is served. */
export function describeChat(start: Start): void {
  describe.skipIf(!chromium)('the chat', () => {
    let dir: TempDir
    let browser: Browser
    let context: BrowserContext
    let model: ScriptedModel
    let server: { origin: string; process: CliProcess }
    let chats = 0
    const failures: string[] = []

    const startServer = (port = 0): ReturnType<Start> =>
      start(port, {
        LOG: `sqlite:${join(dir.path, 'chats.db')}`,
        OPENAI_BASE_URL: model.url,
        OPENAI_API_KEY: 'key',
      })

    beforeAll(async () => {
      dir = tempDir()
      model = await startScriptedModel()
      ;[server, browser] = await Promise.all([startServer(), launchChromium()])
    })

    afterAll(async () => {
      await browser?.close()
      await server?.process[Symbol.asyncDispose]()
      model?.[Symbol.dispose]()
      dir?.[Symbol.dispose]()
      expect(failures).toEqual([])
    })

    beforeEach(async () => {
      chats += 1
      context = await browser.newContext()
    })
    afterEach(() => context.close())

    async function open(): Promise<Page> {
      const page = await context.newPage()
      page.on('pageerror', (error) => failures.push(error.message))
      await page.goto(`${server.origin}/chat/chat-${chats}`)
      return page
    }

    async function send(page: Page, text: string): Promise<void> {
      await page.getByLabel('Question').fill(text)
      await page.getByRole('button', { name: 'Send' }).click()
    }

    const shown = (page: Page): Promise<string[]> => page.getByRole('article').allTextContents()
    const expectShown = (page: Page, texts: string[]): Promise<void> =>
      expect.poll(() => shown(page)).toEqual(texts)
    const problem = (page: Page): Promise<string | null> =>
      page.getByRole('main').getByRole('alert').textContent()
    const isReady = (page: Page): Promise<unknown> => page.getByRole('button', { name: 'Send' }).waitFor()

    test('a page that is reloaded in the middle of an answer continues it, without loss or repetition', async () => {
      const page = await open()
      await send(page, 'What is a tail race?')
      const answer = await model.asked()
      expect(answer.question).toBe('What is a tail race?')
      answer.say('A channel ')
      answer.say('<i>below</i> ')
      await expectShown(page, ['What is a tail race?', 'A channel <i>below</i> '])
      await page.reload()
      await expectShown(page, ['What is a tail race?', 'A channel <i>below</i> '])
      answer.say('a mill')
      await expectShown(page, ['What is a tail race?', 'A channel <i>below</i> a mill'])
      await page.reload()
      answer.say('.')
      answer.end()
      const whole = ['What is a tail race?', 'A channel <i>below</i> a mill.']
      await expectShown(page, whole)
      await isReady(page)
      await page.reload()
      await expectShown(page, whole)
      expect(await page.getByRole('main').getByRole('alert').count()).toBe(0)
    })

    test('stop stops the model, keeps what it has said, and a reload does not resume it', async () => {
      const page = await open()
      await send(page, 'Count.')
      const answer = await model.asked()
      answer.say('one two ')
      await expectShown(page, ['Count.', 'one two '])
      await page.getByRole('button', { name: 'Stop' }).click()
      await answer.closed
      await isReady(page)
      await expect.poll(() => problem(page)).toContain('Stopped.')
      await page.reload()
      await expectShown(page, ['Count.', 'one two '])
      await isReady(page)
      expect(await problem(page)).toContain('Stopped.')
      // The conversation goes on from there.
      await send(page, 'Go on.')
      const next = await model.asked()
      next.say('three')
      next.end()
      await expectShown(page, ['Count.', 'one two ', 'Go on.', 'three'])
    })

    test('two tabs show the same, whichever of them asks, answers, or stops', async () => {
      const [first, second] = [await open(), await open()]
      const both = async (texts: string[]): Promise<void> => {
        for (const page of [first, second]) await expectShown(page, texts)
      }
      await send(first, 'Hello?')
      const answer = await model.asked()
      answer.say('Hello ')
      await both(['Hello?', 'Hello '])
      const third = await open()
      await expectShown(third, ['Hello?', 'Hello '])
      answer.say('to all tabs.')
      answer.end()
      for (const page of [first, second, third]) await expectShown(page, ['Hello?', 'Hello to all tabs.'])
      for (const page of [first, second, third]) await isReady(page)
      await third.close()

      await send(second, 'And now?')
      const next = await model.asked()
      next.say('Now ')
      await both(['Hello?', 'Hello to all tabs.', 'And now?', 'Now '])
      // The tab that has not asked.
      await first.getByRole('button', { name: 'Stop' }).click()
      await next.closed
      for (const page of [first, second]) await expect.poll(() => problem(page)).toContain('Stopped.')
      await both(['Hello?', 'Hello to all tabs.', 'And now?', 'Now '])
      await second.getByRole('button', { name: 'Retry' }).click()
      const again = await model.asked()
      expect(again.question).toBe('And now?')
      again.say('Done.')
      again.end()
      await both(['Hello?', 'Hello to all tabs.', 'And now?', 'Done.'])
    })

    test('an answer whose model fails says so, and can be asked for again', async () => {
      const page = await open()
      await send(page, 'Well?')
      const answer = await model.asked()
      answer.say('It ')
      await expectShown(page, ['Well?', 'It '])
      answer.fail()
      await expect.poll(() => problem(page)).toContain('The model could not complete this answer.')
      await expectShown(page, ['Well?', 'It '])
      await page.reload()
      await expectShown(page, ['Well?', 'It '])
      expect(await problem(page)).toContain('The model could not complete this answer.')
      await page.getByRole('button', { name: 'Retry' }).click()
      const again = await model.asked()
      again.say('It works.')
      again.end()
      await expectShown(page, ['Well?', 'It works.'])
    })

    /** Asks, and waits until a part of the answer is there. */
    async function hearPart(page: Page): Promise<ScriptedAnswer> {
      await send(page, 'Are you there?')
      const answer = await model.asked()
      answer.say('I am ')
      await expectShown(page, ['Are you there?', 'I am '])
      return answer
    }

    /** The answer of a server that is gone is still there, with what has happened, and can be asked for again. */
    async function expectRetry(page: Page): Promise<void> {
      await expectShown(page, ['Are you there?', 'I am '])
      await page.reload()
      await expectShown(page, ['Are you there?', 'I am '])
      expect(await problem(page)).toContain('The server was stopped')
      await page.getByRole('button', { name: 'Retry' }).click()
      const again = await model.asked()
      again.say('I am here again.')
      again.end()
      const whole = ['Are you there?', 'I am here again.']
      await expectShown(page, whole)
      await isReady(page)
      await page.reload()
      await expectShown(page, whole)
      expect(await page.getByRole('main').getByRole('alert').count()).toBe(0)
    }

    test('a server that is told to stop in the middle of an answer ends it, and the page says so', async () => {
      const page = await open()
      const answer = await hearPart(page)
      await server.process.kill('SIGTERM')
      await answer.closed
      server = await startServer(Number(new URL(server.origin).port))
      await expect.poll(() => problem(page)).toContain('The server was stopped')
      await expectRetry(page)
    })

    test('a server that is killed in the middle of an answer: the page comes back, and learns what happened', async () => {
      const page = await open()
      const answer = await hearPart(page)
      await server.process.kill('SIGKILL')
      await answer.closed
      await expect.poll(() => problem(page)).toContain('Reconnecting')
      server = await startServer(Number(new URL(server.origin).port))
      // When the lease of its producer is over, the log knows that nobody continues the answer.
      await expect.poll(() => problem(page), { timeout: 40_000 }).toContain('The server was stopped')
      await expectRetry(page)
    })
  })
}
