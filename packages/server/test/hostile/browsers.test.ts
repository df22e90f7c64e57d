import { requireKnownOrigin, requireLoopbackHost } from '@tailrace/http/gate'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { fuzz, FUZZ } from '../../../http/test/hostile/fuzz.ts'
import { noise } from '../../../http/test/hostile/noise.ts'
import { isRefused } from './refused.ts'

const host = fc.oneof(
  noise,
  fc.constantFrom(
    'localhost',
    'localhost.',
    'LOCALHOST:1',
    'evil.example',
    'localhost.evil.example',
    'evil-localhost',
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0.0.0.0',
    '[::1]',
    '[::1]:80',
    '[::ffff:127.0.0.1]',
    '[::1%25lo]',
    '[::1',
    'a@localhost',
    'localhost@evil.example',
    'localhost:80:80',
    'localhost#',
    'x.localhost',
    '[fe80::1%eth0]',
    '127.0.0.1.evil.example',
  ),
)

test(
  'a hub without keys answers to a name of this machine and to none that could be of another',
  FUZZ,
  async () => {
    await fuzz(
      fc.property(host, (text) => {
        const isTaken = !isRefused(() => requireLoopbackHost(text), 'foreign-host')
        const name = text.toLowerCase().replace(/:[0-9]*$/, '')
        const isOurs =
          name === 'localhost' ||
          name.endsWith('.localhost') ||
          /^127(\.\d{1,3}){3}$/.test(name) ||
          /^\[?(::1|::ffff:127\.0\.0\.1)(%\w+)?\]?$/.test(name)
        expect(isTaken && !isOurs, text).toBe(false)
      }),
      3_000,
    )
  },
)

test('an Origin that is not the hub and not allowed never writes', FUZZ, async () => {
  const origin = fc.oneof(
    fc.webUrl(),
    noise,
    fc.constantFrom(
      'null',
      'https://hub.example',
      'https://hub.example.evil.example',
      'https://evil.example/hub.example',
      'http://hub.example:81',
      'https://hub.example@evil.example',
      'HTTPS://APP.EXAMPLE',
      'https://app.example',
      'file://',
      'capacitor://hub.example',
      'chrome-extension://hub.example',
      '*',
    ),
  )
  await fuzz(
    fc.property(origin, (text) => {
      const facts = { origin: text, host: 'hub.example', site: undefined }
      const isTaken = !isRefused(
        () => requireKnownOrigin({ allowed: ['https://app.example', '*'], isSecure: false }, facts),
        'cross-origin',
      )
      const isOurs =
        text === '*' ||
        text === 'https://app.example' ||
        (URL.canParse(text) &&
          /^https?:$/.test(new URL(text).protocol) &&
          new URL(text).host === 'hub.example')
      expect(isTaken).toBe(isOurs)
    }),
    3_000,
  )
})
