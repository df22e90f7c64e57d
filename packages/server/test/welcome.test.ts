import { request } from 'node:http'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { launchChromium, needs, startHub, tempDir } from '@tailrace/testkit'
import type { HubProcess } from '@tailrace/testkit'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { publishTo } from './support/audit.ts'
import { KEYS, tokenOf } from './auth/tokens.ts'

const chromium = needs('chromium')

interface Answer {
  readonly status: number
  readonly type: string | undefined
  readonly body: string
}

/** `fetch` lets nobody choose `Host`. */
async function ask(hub: HubProcess, headers: Record<string, string>, method = 'GET'): Promise<Answer> {
  const asking = request(`${hub.url}/`, { method, headers })
  asking.end()
  const [answer] = (await once(asking, 'response')) as [IncomingMessage]
  return { status: answer.statusCode!, type: answer.headers['content-type'], body: await text(answer) }
}

const HTML = 'text/html,application/xhtml+xml,*/*;q=0.8'

describe('what / answers', () => {
  let hub: HubProcess

  beforeAll(async () => {
    hub = await startHub({ log: 'memory:' })
  })

  afterAll(async () => {
    await hub[Symbol.asyncDispose]()
  })

  test('the address in the banner is a page to a browser', async () => {
    const [, address] = /Try it in a browser: +(\S+)/.exec(hub.output())!
    const answer = await fetch(address!, { headers: { Accept: HTML } })
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect(await answer.text()).toContain('Tailrace is running')
  })

  test.each(['*/*', 'application/json', 'text/event-stream', 'text/html;q=0'])(
    'a program that accepts %s gets a problem, as on any path that does not exist',
    async (Accept) => {
      expect(await ask(hub, { Accept })).toMatchObject({ status: 404, type: 'application/problem+json' })
    },
  )

  test('HEAD gets the head of the page, and no other method is taken', async () => {
    const head = await ask(hub, { Accept: HTML }, 'HEAD')
    expect(head).toEqual({ status: 200, type: 'text/html; charset=utf-8', body: '' })
    expect(await ask(hub, { Accept: HTML }, 'POST')).toMatchObject({ status: 405 })
  })

  test('a name that may have been made to lead here is not answered', async () => {
    const answer = await ask(hub, { Accept: HTML, Host: 'evil.example' })
    expect(answer).toMatchObject({ status: 403, type: 'application/problem+json' })
  })

  test('nothing but the page itself may run in it, and no site may frame it', async () => {
    const { headers } = await fetch(hub.url, { headers: { Accept: HTML } })
    const policy = headers.get('content-security-policy')!
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("connect-src 'self'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toMatch(/unsafe|[*]|https?:/)
  })
})

describe.skipIf(!chromium)('in a browser', () => {
  let browser: Browser

  beforeAll(async () => {
    browser = await launchChromium()
  })

  afterAll(async () => {
    await browser.close()
  })

  /** Opens the page, and collects what it asks of others and what the browser finds wrong with it. */
  async function open(url: string): Promise<{ page: Page; strange: string[] }> {
    const page = await browser.newPage()
    const strange: string[] = []
    page.on('request', (asked) => {
      if (!asked.url().startsWith(`${url}/`) && asked.url() !== 'data:,') strange.push(asked.url())
    })
    page.on('pageerror', (error) => strange.push(String(error)))
    page.on('console', (message) => {
      // Of a hub that is away, or refuses, the browser itself writes a line.
      if (!message.text().startsWith('Failed to load resource')) strange.push(message.text())
    })
    await page.goto(`${url}/`)
    return { page, strange }
  }

  const state = (page: Page, name: string): Promise<unknown> =>
    page.locator('#state', { hasText: name }).waitFor({ timeout: 20_000 })

  const events = (page: Page): Promise<string[]> => page.locator('#events .data').allTextContents()

  test(
    'it shows what is published in it and elsewhere, and resumes after the hub was killed',
    { timeout: 60_000 },
    async () => {
      using dir = tempDir()
      const log = `sqlite:${dir.path}/log.db`
      const args = ['--retry', '200ms']
      let hub = await startHub({ log, args })
      try {
        const { page, strange } = await open(hub.url)
        await state(page, 'Live')
        await page.fill('#data', '<b>bold</b>')
        await page.click('text=Type and key')
        await page.fill('#type', 'grüße')
        await page.getByRole('button', { name: 'Publish', exact: true }).click()
        await expect.poll(() => events(page)).toEqual(['<b>bold</b>'])
        expect(await page.locator('#events .type').textContent()).toBe('type grüße')
        expect(await page.locator('#published').textContent()).toMatch(/^Stored as [a-z0-9]+[.]1[.]$/)

        const { port } = hub
        await hub.kill('SIGKILL')
        await state(page, 'Reconnecting')
        hub = await startHub({ log, args, port })
        await publishTo(hub.url, 'hello', 'while it was away', {})
        await expect.poll(() => events(page)).toEqual(['while it was away', '<b>bold</b>'])
        await state(page, 'Live')
        expect(strange).toEqual([])
        await page.close()
      } finally {
        await hub.kill('SIGKILL')
      }
    },
  )

  test('it follows a pattern and names the topic and the key of each event', async () => {
    await using hub = await startHub({ log: 'memory:' })
    const { page, strange } = await open(hub.url)
    await page.fill('#selector', 'prices/*')
    await page.getByRole('button', { name: 'Follow', exact: true }).click()
    await expect.poll(() => page.locator('#read-command').textContent()).toContain('/events?topic=prices/*')
    await state(page, 'Live')
    await publishTo(hub.url, 'prices/nasdaq', '192.4', { 'Event-Key': 'AAPL' })
    await expect.poll(() => events(page)).toEqual(['192.4'])
    expect(await page.locator('#events .topic').textContent()).toBe('prices/nasdaq')
    expect(await page.locator('#events .key').textContent()).toBe('key AAPL')
    expect(strange).toEqual([])
    await page.close()
  })

  test('on a hub with keys it asks for a token, and keeps it in memory only', async () => {
    await using hub = await startHub({ log: 'memory:', env: KEYS })
    const { page, strange } = await open(hub.url)
    await state(page, 'Not authorized')
    const token = await tokenOf({ publish: ['hello'], subscribe: ['hello'] })
    await page.fill('#token', token)
    await page.getByRole('button', { name: 'Use', exact: true }).click()
    await state(page, 'Live')
    await page.getByRole('button', { name: 'Publish', exact: true }).click()
    await expect.poll(() => events(page)).toEqual(['hi'])
    const kept = await page.evaluate(() =>
      [
        document.documentElement.outerHTML,
        ...[...document.querySelectorAll('input')].map(({ value }) => value),
        JSON.stringify(localStorage),
        JSON.stringify(sessionStorage),
        document.cookie,
        location.href,
      ].join('\n'),
    )
    expect(kept).not.toContain(token)
    expect(await page.locator('#read-command').textContent()).toContain('$TAILRACE_TOKEN')
    await page.reload()
    await state(page, 'Not authorized')
    expect(strange).toEqual([])
    await page.close()
  })

  test('a stream that waits for one of six connections says so', { timeout: 60_000 }, async () => {
    await using hub = await startHub({ log: 'memory:' })
    const { page } = await open(hub.url)
    await state(page, 'Live')
    await page.evaluate(() => {
      const others = Array.from({ length: 6 }, (_, i) => new EventSource(`/topics/other/${i}`))
      Object.assign(window, { others })
    })
    await page.getByRole('button', { name: 'Follow', exact: true }).click()
    await page.locator('#notice', { hasText: 'six connections' }).waitFor({ timeout: 20_000 })
    await page.evaluate(() => {
      for (const source of (window as unknown as { others: EventSource[] }).others) source.close()
    })
    await state(page, 'Live')
    await expect.poll(() => page.locator('#notice').textContent()).toBe('')
    await page.close()
  })

  test('it says what a token does not cover', async () => {
    await using hub = await startHub({ log: 'memory:', env: KEYS })
    const { page } = await open(hub.url)
    await page.fill('#token', await tokenOf({ subscribe: ['hello'] }))
    await page.getByRole('button', { name: 'Use', exact: true }).click()
    await state(page, 'Live')
    await page.getByRole('button', { name: 'Publish', exact: true }).click()
    await expect.poll(() => page.locator('#published').textContent()).toContain('publish to hello')
    await page.close()
  })
})
