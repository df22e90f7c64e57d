import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { credentialOf } from '../../src/auth/credentials.ts'
import { fuzz, FUZZ } from '../../../http/test/hostile/fuzz.ts'
import { noise } from '../../../http/test/hostile/noise.ts'
import { isRefused } from './refused.ts'

test(
  'of a cookie header only the cookie of that name is the token, whatever stands around it',
  FUZZ,
  async () => {
    const isOther = (text: string): boolean =>
      text.split('=')[0]!.trim() !== 'tailrace' || !text.includes('=')
    const others = fc.array(noise.map((text) => text.replaceAll(';', '')).filter(isOther), { maxLength: 4 })
    await fuzz(
      fc.property(others, others, fc.string({ maxLength: 12 }), (before, after, value) => {
        const cookie = [...before, `tailrace=${value}`, ...after].join(';')
        const credential = credentialOf({ authorization: undefined, cookie, ticket: undefined }, 'tailrace')
        const token = value.split(';')[0]!.trim()
        expect(credential).toEqual(token === '' ? undefined : { kind: 'cookie', token })
      }),
      4_000,
    )
  },
)

test(
  'an Authorization that is no bearer token is refused, and does not let a cookie through',
  FUZZ,
  async () => {
    await fuzz(
      fc.property(
        fc.oneof(
          noise,
          fc.constantFrom('Bearer', 'Bearer  ', 'bearer a b', 'Basic a', 'Bearer é', 'BEARER a.b.c'),
        ),
        (authorization) => {
          const read = (): unknown =>
            credentialOf({ authorization, cookie: 'tailrace=a.b.c', ticket: 'x' }, 'tailrace')
          const [, token] = /^bearer +([-A-Za-z0-9._~+/]+=*)$/i.exec(authorization) ?? []
          if (token === undefined) expect(isRefused(read, 'invalid-token')).toBe(true)
          else expect(read()).toEqual({ kind: 'token', token })
        },
      ),
      2_000,
    )
  },
)
