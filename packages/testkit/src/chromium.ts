import { accessSync, constants } from 'node:fs'

import type { Browser } from 'playwright-core'

const CHROMIUM_ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

function chromiumPath(): string {
  return process.env['CHROMIUM_PATH'] || '/usr/bin/chromium'
}

export function hasChromium(): boolean {
  try {
    accessSync(chromiumPath(), constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Starts Debian's Chromium, headless; `CHROMIUM_PATH` names another one. The caller must close it. */
export async function launchChromium(): Promise<Browser> {
  // Loading it takes some 200 ms, which only the test files that open a browser should pay.
  const { chromium } = await import('playwright-core')
  return chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_ARGS })
}
