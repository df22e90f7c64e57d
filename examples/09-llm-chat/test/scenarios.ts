import { launchChromium, needs } from '@tailrace/testkit'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { placeOf } from './place.ts'
import type { Place, Start } from './place.ts'
import type { ScriptedAnswer } from './scripted-model.ts'

const chromium = needs('chromium')
/** `expect.poll` does not know to which of the tests that run at the same time it belongs. */
const PATIENCE = { timeout: 40_000, interval: 50 }
/** The tests of a place, whereas two places are tested at the same time. */
const inTurn = { concurrent: false }

/** What must hold however the example is served. */
export function describeChat(start: Start): void {
  describe.skipIf(!chromium)('the chat', () => {
    let browser: Browser
    beforeAll(async () => {
      browser = await launchChromium()
    })
    afterAll(() => browser?.close())

    describe.concurrent('on a server that stays, or is told to stop', () => {
      const place = placeOf(start, () => browser)

      test(
        'a page that is reloaded in the middle of an answer continues it, without loss or repetition',
        inTurn,
        async () => {
          const page = await place.open()
          await send(page, 'What is a tail race?')
          const answer = await place.asked()
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
          expect(await problems(page)).toBe(0)
        },
      )

      test(
        'stop stops the model, keeps what it has said, and a reload does not resume it',
        inTurn,
        async () => {
          const page = await place.open()
          await send(page, 'Count.')
          const answer = await place.asked()
          answer.say('one two ')
          await expectShown(page, ['Count.', 'one two '])
          await page.getByRole('button', { name: 'Stop' }).click()
          await answer.closed
          await isReady(page)
          await expectProblem(page, 'Stopped.')
          await page.reload()
          await expectShown(page, ['Count.', 'one two '])
          await isReady(page)
          expect(await problem(page)).toContain('Stopped.')
          // The conversation goes on from there.
          await send(page, 'Go on.')
          const next = await place.asked()
          next.say('three')
          next.end()
          await expectShown(page, ['Count.', 'one two ', 'Go on.', 'three'])
        },
      )

      test('two tabs show the same, whichever of them asks, answers, or stops', inTurn, async () => {
        const [first, second] = [await place.open(), await place.open()]
        const both = async (texts: string[]): Promise<void> => {
          for (const page of [first, second]) await expectShown(page, texts)
        }
        await send(first, 'Hello?')
        const answer = await place.asked()
        answer.say('Hello ')
        await both(['Hello?', 'Hello '])
        const third = await place.open()
        await expectShown(third, ['Hello?', 'Hello '])
        answer.say('to all tabs.')
        answer.end()
        for (const page of [first, second, third]) await expectShown(page, ['Hello?', 'Hello to all tabs.'])
        for (const page of [first, second, third]) await isReady(page)
        await third.close()

        await send(second, 'And now?')
        const next = await place.asked()
        next.say('Now ')
        await both(['Hello?', 'Hello to all tabs.', 'And now?', 'Now '])
        // The tab that has not asked.
        await first.getByRole('button', { name: 'Stop' }).click()
        await next.closed
        for (const page of [first, second]) await expectProblem(page, 'Stopped.')
        await both(['Hello?', 'Hello to all tabs.', 'And now?', 'Now '])
        await second.getByRole('button', { name: 'Retry' }).click()
        const again = await place.asked()
        expect(again.question).toBe('And now?')
        again.say('Done.')
        again.end()
        await both(['Hello?', 'Hello to all tabs.', 'And now?', 'Done.'])
      })

      test('an answer whose model fails says so, and can be asked for again', inTurn, async () => {
        const page = await place.open()
        await send(page, 'Well?')
        const answer = await place.asked()
        answer.say('It ')
        await expectShown(page, ['Well?', 'It '])
        answer.fail()
        await expectProblem(page, 'The model could not complete this answer.')
        await expectShown(page, ['Well?', 'It '])
        await page.reload()
        await expectShown(page, ['Well?', 'It '])
        expect(await problem(page)).toContain('The model could not complete this answer.')
        await page.getByRole('button', { name: 'Retry' }).click()
        const again = await place.asked()
        again.say('It works.')
        again.end()
        await expectShown(page, ['Well?', 'It works.'])
      })

      test(
        'a server that is told to stop in the middle of an answer ends it, and the page says so',
        inTurn,
        async () => {
          const page = await place.open()
          const answer = await hearPart(place, page)
          await place.kill('SIGTERM')
          await answer.closed
          await place.restart()
          await expectProblem(page, 'The server was stopped')
          await retry(place, page)
          expect(await problems(page)).toBe(0)
        },
      )
    })

    // A producer that was killed loses its lease after ten seconds, during which the other tests run.
    describe.concurrent('on a server that is killed', () => {
      const place = placeOf(start, () => browser)

      test(
        'a server that is killed in the middle of an answer: the page comes back, and learns what happened',
        inTurn,
        async () => {
          const page = await place.open()
          const answer = await hearPart(place, page)
          await place.kill('SIGKILL')
          await answer.closed
          await expectProblem(page, 'Reconnecting')
          await place.restart()
          // When the lease of its producer is over, the log knows that nobody continues the answer.
          await expectProblem(page, 'The server was stopped')
          await retry(place, page)
          expect(await problems(page)).toBe(0)
        },
      )
    })
  })
}

async function send(page: Page, text: string): Promise<void> {
  await page.getByLabel('Question').fill(text)
  await page.getByRole('button', { name: 'Send' }).click()
}

function expectShown(page: Page, texts: string[]): Promise<void> {
  const isShown = async (): Promise<void> =>
    expect(await page.getByRole('article').allTextContents()).toEqual(texts)
  return vi.waitFor(isShown, PATIENCE)
}

function expectProblem(page: Page, text: string): Promise<void> {
  return vi.waitFor(async () => expect(await problem(page)).toContain(text), PATIENCE)
}

function problem(page: Page): Promise<string | null> {
  return page.getByRole('main').getByRole('alert').textContent()
}

function problems(page: Page): Promise<number> {
  return page.getByRole('main').getByRole('alert').count()
}

function isReady(page: Page): Promise<unknown> {
  return page.getByRole('button', { name: 'Send' }).waitFor()
}

/** Asks, and waits until a part of the answer is there. */
async function hearPart(place: Place, page: Page): Promise<ScriptedAnswer> {
  await send(page, 'Are you there?')
  const answer = await place.asked()
  answer.say('I am ')
  await expectShown(page, ['Are you there?', 'I am '])
  return answer
}

/** The answer of a server that is gone is still there, with what has happened, and can be asked for again. */
async function retry(place: Place, page: Page): Promise<void> {
  await expectShown(page, ['Are you there?', 'I am '])
  await page.reload()
  await expectShown(page, ['Are you there?', 'I am '])
  expect(await problem(page)).toContain('The server was stopped')
  await page.getByRole('button', { name: 'Retry' }).click()
  const again = await place.asked()
  again.say('I am here again.')
  again.end()
  const whole = ['Are you there?', 'I am here again.']
  await expectShown(page, whole)
  await isReady(page)
  await page.reload()
  await expectShown(page, whole)
}
