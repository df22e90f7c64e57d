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
  {
    sub = 'ann',
    iat,
    expiresInS,
    exp,
  }: { sub?: string; iat?: number; expiresInS?: number; exp?: number } = {},
): Promise<string> {
  const token = new SignJWT({ tailrace: claim }).setProtectedHeader({ alg: 'HS256' }).setSubject(sub)
  if (expiresInS !== undefined) token.setExpirationTime(Math.floor(Date.now() / 1000) + expiresInS)
  if (iat !== undefined) token.setIssuedAt(iat)
  if (exp !== undefined) token.setExpirationTime(exp)
  return token.sign(new TextEncoder().encode(SECRET))
}

export const bearer = (token: string): Record<string, string> => ({ Authorization: `Bearer ${token}` })

/** Asks a hub for a ticket. */
export async function ticketOf(url: string, token: string, topics: readonly string[]): Promise<string> {
  const init = { method: 'POST', headers: bearer(token), body: JSON.stringify({ topics }) }
  const { ticket } = (await (await fetch(`${url}/tickets`, init)).json()) as { ticket: string }
  return ticket
}
