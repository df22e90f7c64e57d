import { SignJWT } from 'jose'

/** A secret, and how a hub is told of it. */
export const SECRET = 'the secret of a hub under test, long enough'
export const KEYS = { TAILRACE_JWT_SECRET: SECRET }

interface Claim {
  readonly publish?: readonly string[]
  readonly subscribe?: readonly string[]
  readonly admin?: boolean
}

/** A token that was signed for that hub. */
export function tokenOf(
  claim: Claim,
  { sub = 'ann', expiresInS, exp }: { sub?: string; expiresInS?: number; exp?: number } = {},
): Promise<string> {
  const token = new SignJWT({ tailrace: claim }).setProtectedHeader({ alg: 'HS256' }).setSubject(sub)
  if (expiresInS !== undefined) token.setExpirationTime(Math.floor(Date.now() / 1000) + expiresInS)
  if (exp !== undefined) token.setExpirationTime(exp)
  return token.sign(new TextEncoder().encode(SECRET))
}

export const bearer = (token: string): Record<string, string> => ({ Authorization: `Bearer ${token}` })
