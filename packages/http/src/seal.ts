import { EncryptJWT, jwtDecrypt } from 'jose'
import type { JWTPayload } from 'jose'

const ENCRYPTION = { alg: 'dir', enc: 'A256GCM' } as const

/** Encrypts content that clients carry. Every node of the log can read it, and nobody else can read or forge it. */
export interface Seal {
  /** @param purpose - the use of the content; it cannot be opened for any other */
  close(content: JWTPayload, purpose: string): Promise<string>
  /** @returns undefined if it was not sealed here for this purpose */
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
