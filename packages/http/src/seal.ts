import { EncryptJWT, jwtDecrypt } from 'jose'
import type { JWTPayload } from 'jose'

const ENCRYPTION = { alg: 'dir', enc: 'A256GCM' } as const

/** Hides content from the clients that carry it: every node of the log can read it, and nobody else can read or make it. */
export interface Seal {
  /** @param purpose - what it is for; it opens for nothing else */
  close(content: JWTPayload, purpose: string): Promise<string>
  /** @returns nothing when it was not sealed here for this purpose */
  open(sealed: string, purpose: string): Promise<JWTPayload | undefined>
}

/** @param secret - 32 bytes in base64url */
export function createSeal(secret: string): Seal {
  const key = Buffer.from(secret, 'base64url')
  return {
    close: (content, purpose) =>
      new EncryptJWT(content).setAudience(purpose).setProtectedHeader(ENCRYPTION).encrypt(key),

    async open(sealed, purpose) {
      try {
        const { payload } = await jwtDecrypt(sealed, key, {
          keyManagementAlgorithms: [ENCRYPTION.alg],
          contentEncryptionAlgorithms: [ENCRYPTION.enc],
          audience: purpose,
        })
        return payload
      } catch {
        return undefined
      }
    },
  }
}
