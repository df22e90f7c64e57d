import { SignJWT } from 'jose'
import { secretKey } from '../auth/keys.ts'
import { endWithOutput } from './output.ts'
import { parseOwnSelector } from './retain.ts'
import { readSecret } from './secret.ts'
import { list, optional, secret, setting, toggle } from './setting.ts'
import { UsageError } from './usage-error.ts'
import { verb } from './verb.ts'
import type { Verb } from './verb.ts'

export const token: Verb = verb({
  name: 'token',
  operands: '',
  summary: 'Signs a token that says what its bearer may do.',
  description: `The secret is that of the hub; tailrace secret makes one. Without --subject a token cannot be revoked by subject, and
the limits of its bearer are those of an address. Where an identity provider signs tokens, it signs these, too.`,
  settings: {
    'jwt-secret': secret('text', { doc: 'The secret to sign with: at least 32 bytes.' }),
    'jwt-secret-file': optional('file', { doc: 'A file with that secret.' }),
    'jwt-issuer': optional('text', { doc: 'The `iss` of the token, where the hub requires one.' }),
    'jwt-audience': optional('text', { doc: 'The `aud` of the token, where the hub requires one.' }),
    subscribe: list(parseOwnSelector, {
      placeholder: 'SELECTOR',
      doc: 'Topics that the bearer may read, such as orders/**.',
    }),
    publish: list(parseOwnSelector, {
      placeholder: 'SELECTOR',
      doc: 'Topics that the bearer may publish to.',
    }),
    admin: toggle({ doc: 'The bearer may purge topics, see metrics and connections, and end streams.' }),
    subject: optional('text', { doc: 'The `sub` of the token: who the bearer is.' }),
    'expires-in': setting('duration', {
      fallback: '1h',
      bounds: ['1s', '3650d'],
      doc: 'How long the token is valid.',
    }),
  },

  async run(values, operands) {
    if (operands.length > 0)
      throw new UsageError(`token takes options only, not ${JSON.stringify(operands[0])}`)
    const { subscribe, publish, admin, subject } = values
    if (subscribe.length === 0 && publish.length === 0 && !admin) {
      throw new UsageError('token needs a right to give: --subscribe, --publish or --admin')
    }
    const key = secretOf(values)
    const issuedAt = Math.floor(Date.now() / 1000)
    const rights = { publish, subscribe, ...(admin ? { admin } : {}) }
    const jwt = new SignJWT({ tailrace: rights })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + Math.floor(values['expires-in'] / 1000))
    if (subject !== undefined) jwt.setSubject(subject)
    if (values['jwt-issuer'] !== undefined) jwt.setIssuer(values['jwt-issuer'])
    if (values['jwt-audience'] !== undefined) jwt.setAudience(values['jwt-audience'])
    const signed = await jwt.sign(key)
    endWithOutput()
    process.stdout.write(`${signed}\n`)
    return 0
  },
})

function secretOf(values: {
  readonly 'jwt-secret': string | undefined
  readonly 'jwt-secret-file': string | undefined
}): Uint8Array {
  const { 'jwt-secret': given, 'jwt-secret-file': file } = values
  if (given !== undefined && file !== undefined)
    throw new UsageError('Give one of jwt-secret and jwt-secret-file')
  const text = file === undefined ? given : readSecret('jwt-secret-file', file)
  if (text === undefined) {
    throw new UsageError('token needs the secret of the hub: --jwt-secret-file FILE, or TAILRACE_JWT_SECRET')
  }
  try {
    return secretKey(text).key as Uint8Array
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error
  }
}
