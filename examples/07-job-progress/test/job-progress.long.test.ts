import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { launchChromium, needs, startExample } from '@tailrace/testkit'
import { expect, test } from 'vitest'

const chromium = needs('chromium')
const main = new URL('../start.ts', import.meta.url)
const root = fileURLToPath(new URL('../../..', import.meta.url))

// A lease lasts some ten seconds: until then, the producer could still be alive.
test.skipIf(!chromium)('a page learns that the server was killed in the middle of its job', async () => {
  await promisify(execFile)('node_modules/.bin/tsc', ['-b', 'packages/client'], { cwd: root })
  await using example = await startExample(main)
  await using browser = await launchChromium()
  const page = await browser.newPage()
  await page.goto(example.url)
  const percent = () => page.locator('progress').evaluate((bar: HTMLProgressElement) => bar.value)
  const buffer = Buffer.alloc(100 * 16 * 1024)
  await page.setInputFiles('input', { name: 'zeros', mimeType: 'application/octet-stream', buffer })
  await expect.poll(percent).toBeGreaterThan(0)
  await example.kill()
  await example.restart()
  await expect.poll(() => page.textContent('#message')).toMatch(/^The producer of this stream/)
  expect(await page.textContent('#state')).toBe('failed')
  expect(await percent()).toBeLessThan(100)
})
