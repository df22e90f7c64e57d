import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { launchChromium, needs, runCli, spawnCli, startHub, tempDir } from '@tailrace/testkit'
import { expect, test } from 'vitest'

const chromium = needs('chromium')
const main = fileURLToPath(new URL('../start.ts', import.meta.url))

/** Sees each `EventSource` that the page makes, and each error of it. */
const WATCH = `
  window.sources = []
  window.states = []
  window.EventSource = class extends EventSource {
    constructor(url) {
      super(url)
      window.sources.push(this)
      this.addEventListener('error', () => window.states.push(this.readyState))
    }
  }`

test.skipIf(!chromium)(
  'the page of another site has every event after the hub was killed, by one EventSource that never closed',
  { timeout: 60_000 },
  async () => {
    using dir = tempDir()
    const file = join(dir.path, 'tailrace.secret')
    writeFileSync(file, (await runCli(['secret'])).stdout)
    const { stdout } = await runCli(['token', '--jwt-secret-file', file, '--publish', '**', '--admin'])
    const headers = { Authorization: `Bearer ${stdout.trim()}` }
    const log = `sqlite:${dir.path}/log.db`
    const args = ['--jwt-secret-file', file, '--allow-origin', '*', '--retry', '100ms']
    await using first = await startHub({ log, args })
    const { url, port } = first
    await using app = spawnCli([], { main, env: { HUB: url, SECRET_FILE: file, PORT: '0' } })
    const [, address] = /(http:\S+)/.exec(await app.nextLine()) ?? []

    await using browser = await launchChromium()
    const page = await browser.newPage()
    const statuses: number[] = []
    page.on('response', (response) => {
      if (response.url().startsWith(url)) statuses.push(response.status())
    })
    await page.addInitScript(WATCH)
    await page.goto(address!)
    const state = (): Promise<string | null> => page.textContent('#state')
    const shown = (): Promise<string[]> => page.locator('li').allTextContents()
    const publish = async (name: string): Promise<void> => {
      const response = await fetch(`${url}/topics/users/ann/${name}`, { method: 'POST', headers, body: name })
      expect(response.status).toBe(201)
    }

    await expect.poll(state).toBe('live')
    await publish('before')
    await expect.poll(shown).toEqual(['users/ann/before: before'])
    await first.kill('SIGKILL')
    await expect.poll(state).toBe('connecting')
    // What was published while the page was away: it has to find the hub by itself.
    await using second = await startHub({ log, args, port })
    await publish('meanwhile')
    await expect.poll(state).toBe('live')
    await publish('after')
    const all = ['before', 'meanwhile', 'after'].map((name) => `users/ann/${name}: ${name}`)
    await expect.poll(shown).toEqual(all)
    // Nor does it matter how often.
    await second.kill('SIGTERM')
    await using third = await startHub({ log, args, port })
    await publish('again')
    await expect.poll(shown).toEqual([...all, 'users/ann/again: again'])

    expect(await page.evaluate('window.sources.length')).toBe(1)
    // CONNECTING, each time.
    expect(new Set(await page.evaluate<number[]>('window.states'))).toEqual(new Set([0]))
    expect(new Set(statuses)).toEqual(new Set([200]))

    // Access is withdrawn: this ticket is refused, and only a new one reads on.
    const answer = await fetch(`${third.url}/connections?subject=ann`, { method: 'DELETE', headers })
    expect(await answer.json()).toEqual({ ended: 1 })
    await expect.poll(() => statuses).toContain(401)
    await expect.poll(() => page.evaluate('window.states.at(-1)')).toBe(2)
  },
)
