import { secret, setting } from './setting.ts'
import type { Setting } from './setting.ts'

/** Who the commands are that talk to a hub. */
export const TOKEN: Setting<string | undefined> = secret('token', {
  doc: 'The token, where the hub wants one.',
})

/** Where they find it. */
export const HUB_URL: Setting<string> = setting('url', {
  fallback: 'http://127.0.0.1:4242',
  doc: 'The hub.',
})
