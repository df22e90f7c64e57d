import { expect, test } from 'vitest'

import { launchChromium, needs } from '@tailrace/testkit'

const chromium = needs('chromium')

test.skipIf(!chromium)('Chromium runs a page', async () => {
  const browser = await launchChromium()
  try {
    const page = await browser.newPage()
    expect(await page.evaluate('typeof EventSource')).toBe('function')
  } finally {
    await browser.close()
  }
})
