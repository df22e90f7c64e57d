import { endWithOutput } from './output.ts'
import { parseOwnSelector } from './retention-rule.ts'
import { readSecret } from './secret.ts'
import { list, optional, secret, setting, toggle } from './setting.ts'
import { UsageError } from './usage-error.ts'
import { verb } from './verb.ts'
import type { Verb } from './verb.ts'

export const token: Verb = verb({
  name: 'token',
  operands: '',
  summary: 'Sign a token that grants rights to its bearer.',
  description: `Sign with the secret of the hub; tailrace secret generates one. A token without --subject cannot be revoked by subject,
and its bearer is limited by address. If an identity provider signs your tokens, let it sign these as well.`,
  settings: {
    'jwt-secret': secret('text', { doc: 'Secret to sign with, at least 32 bytes.' }),
    'jwt-secret-file': optional('file', { doc: 'File that contains this secret.' }),
    'jwt-issuer': optional('text', { doc: 'The `iss` claim of the token, if the hub requires one.' }),
    'jwt-audience': optional('text', { doc: 'The `aud` claim of the token, if the hub requires one.' }),
    subscribe: list(parseOwnSelector, {
      placeholder: 'SELECTOR',
      doc: 'Allow the bearer to read these topics, such as orders/**.',
    }),
    publish: list(parseOwnSelector, {
      placeholder: 'SELECTOR',
      doc: 'Allow the bearer to publish to these topics.',
    }),
    admin: toggle({ doc: 'Allow the bearer to purge topics, see metrics and connections, and end streams.' }),
    subject: optional('text', { doc: 'The `sub` claim of the token, which identifies the bearer.' }),
    'expires-in': setting('duration', {
      fallback: '1h',
      bounds: ['1s', '3650d'],
      doc: 'How long the token is valid.',
    }),
  },

  async run(values, operands) {
    if (operands.length > 0)
      throw new UsageError(`token accepts only options, not ${JSON.stringify(operands[0])}`)
    const { subscribe, publish, admin, subject } = values
    if (subscribe.length === 0 && publish.length === 0 && !admin) {
      throw new UsageError('token requires at least one right: --subscribe, --publish or --admin')
    }
    // Loaded only here, so that all other commands start faster.
    const { SignJWT } = await import('jose/jwt/sign')
    const key = await secretOf(values)
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

async function secretOf(values: {
  readonly 'jwt-secret': string | undefined
  readonly 'jwt-secret-file': string | undefined
}): Promise<Uint8Array> {
  const { 'jwt-secret': given, 'jwt-secret-file': file } = values
  if (given !== undefined && file !== undefined)
    throw new UsageError('Give only one of jwt-secret and jwt-secret-file')
  const text = file === undefined ? given : readSecret('jwt-secret-file', file)
  if (text === undefined) {
    throw new UsageError(
      'token requires the secret of the hub: --jwt-secret-file FILE, or TAILRACE_JWT_SECRET',
    )
  }
  const { secretKey } = await import('../auth/keys.ts')
  try {
    return secretKey(text).key as Uint8Array
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error
  }
}
