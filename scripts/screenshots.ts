// Takes the screenshots in the READMEs of the examples, or of those that are named: `screenshots.ts 05-notifications`.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { launchChromium, startExample } from '@tailrace/testkit'
import type { Page } from 'playwright-core'

const ROOT = join(import.meta.dirname, '..')
const SIZE = { width: 1000, height: 640 }

/** Brings the page of an example into a state that is worth a picture. */
const SCENES: Readonly<Record<string, (page: Page) => Promise<void>>> = {
  async '05-notifications'(page) {
    await page.click('button[value=bob]')
    const texts = [
      'The pump of lock 3 is open',
      'Your report is ready',
      'Lunch at noon?',
      'Minutes of the meeting',
    ]
    for (const text of texts) {
      await page.fill('[name=text]', text)
      await page.click('#send button')
      await page.waitForFunction(`document.querySelector('[name=text]').value === ''`)
    }
    await page.click('text=Sign out')
    await page.click('button[value=ann]')
    await page.waitForSelector('#state.live')
  },
  async '06-dashboard'(page) {
    await page.click('text=HOOLI')
    await setTimeout(62_000)
  },
  async '07-job-progress'(page) {
    const buffer = readFileSync(process.execPath).subarray(40_000_000, 40_400_000)
    await page.setInputFiles('input', { name: 'node', mimeType: 'application/octet-stream', buffer })
    await page.waitForSelector('img:not([hidden])')
  },
  async '08-activity-feed'(page) {
    for (const what of ['opened the pump of lock 3', 'read the level: 2.31 m']) {
      await page.fill('[name=who]', 'Ann')
      await page.fill('[name=what]', what)
      await page.click('form button')
      await page.waitForSelector(`text=${what}`)
    }
  },
  async '10-chat-room'(page) {
    const second = await page.context().browser()!.newPage()
    await second.goto(page.url())
    const enter = async (who: Page, name: string): Promise<void> => {
      await who.fill('#name', name)
      await who.click('#door button')
      await who.waitForSelector('#state.live')
    }
    const say = async (who: Page, text: string): Promise<void> => {
      await who.fill('#say input', text)
      await who.click('#say button')
      await page.waitForSelector(`text=${text}`)
    }
    await enter(page, 'Ann')
    await enter(second, 'Ben')
    await say(page, 'Good morning. Has the night build finished?')
    await say(second, 'Twenty minutes ago, and it is green. I am about to tag it.')
    await say(page, 'Please wait a moment: the release notes still miss the part about retention.')
    await say(second, 'Take your time. I will get coffee.')
  },
}

const named = process.argv.slice(2)
await using browser = await launchChromium()
for (const [name, act] of Object.entries(SCENES)) {
  if (named.length > 0 && !named.includes(name)) continue
  const folder = join(ROOT, 'examples', name)
  await using example = await startExample(new URL(`file://${folder}/start.ts`))
  const page = await browser.newPage({ viewport: SIZE })
  await page.goto(example.url)
  await act(page)
  await page.screenshot({ path: join(folder, 'screenshot.png') })
  console.log(`examples/${name}/screenshot.png`)
}
