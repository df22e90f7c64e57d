import { secret, setting } from './setting.ts'
import type { Setting } from './setting.ts'

/** The token of the commands that talk to a hub. */
export const TOKEN: Setting<string | undefined> = secret('token', {
  doc: 'Token to send, if the hub requires one.',
})

/** The hub that they talk to. */
export const HUB_URL: Setting<string> = setting('url', {
  fallback: 'http://127.0.0.1:4242',
  doc: 'URL of the hub.',
})
