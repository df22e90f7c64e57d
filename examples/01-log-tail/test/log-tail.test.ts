import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { launchChromium, needs, spawnCli, tempDir } from '@tailrace/testkit'
import type { CliProcess } from '@tailrace/testkit'
import { expect, test } from 'vitest'

const chromium = needs('chromium')
const main = fileURLToPath(new URL('../start.ts', import.meta.url))

test.skipIf(!chromium)(
  'the page shows every line once, also those written while the example was killed',
  async () => {
    using dir = tempDir()
    const file = join(dir.path, 'app.log')
    const start = (port: number): CliProcess =>
      spawnCli([file], { main, env: { PORT: String(port), DATA: join(dir.path, 'data') } })
    const written = Array.from({ length: 1500 }, (_, i) => `line ${i}`)
    const write = (line: string): void => {
      written.push(line)
      appendFileSync(file, `${line}\n`)
    }
    writeFileSync(file, `${written.join('\n')}\n`)

    await using browser = await launchChromium()
    await using first = start(0)
    const [, url, port] = /at (http:\S+:(\d+))/.exec(await first.nextLine()) ?? []
    const page = await browser.newPage()
    const failures: string[] = []
    page.on('pageerror', (error) => failures.push(error.message))
    const shown = (): Promise<string[]> => page.locator('li .text').allTextContents()
    const expectLines = (): Promise<void> =>
      expect.poll(shown, { timeout: 10_000 }).toEqual(written.slice(-1000))

    await page.goto(url!)
    await expectLines()
    expect(await page.textContent('h1')).toBe('logs/app.log')
    expect(await page.textContent('#count')).toMatch(/^1,500 lines/)
    await expect.poll(() => page.textContent('#state')).toBe('live')
    write('<b onclick="alert(1)">new</b> & \u{1f30a}')
    await expectLines()

    await first.kill('SIGKILL')
    await expect.poll(() => page.textContent('#state')).toBe('connecting')
    write('while nobody was there')
    await using second = start(Number(port))
    await second.nextLine()
    await expectLines()
    await expect.poll(() => page.textContent('#state')).toBe('live')
    write('after all that')
    await expectLines()
    expect(await page.textContent('#count')).toMatch(/^1,503 lines/)
    expect(await page.locator('li.gap').count()).toBe(0)

    await page.reload()
    await expectLines()
    expect(failures).toEqual([])
    expect(await second.kill()).toEqual({ code: 0, signal: null })
  },
)
