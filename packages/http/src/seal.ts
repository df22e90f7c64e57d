import { jwtDecrypt } from 'jose/jwt/decrypt'
import { EncryptJWT } from 'jose/jwt/encrypt'
import type { JWTPayload } from 'jose'

const ENCRYPTION = { alg: 'dir', enc: 'A256GCM' } as const

/** Encrypts content that clients carry. Every node of the log can read it, and nobody else can read or forge it. */
export interface Seal {
  /** @param purpose - the use of the content; it cannot be opened for any other */
  close(content: JWTPayload, purpose: string): Promise<string>
  /** @returns undefined if it was not sealed here for this purpose */
  open(sealed: string, purpose: string): Promise<JWTPayload | undefined>
}

/** @param secret - 32 bytes in base64url; asked for each time, since a log that is replaced has another */
export function createSeal(secret: () => string | Promise<string>): Seal {
  async function readKey(): Promise<Uint8Array> {
    return Buffer.from(await secret(), 'base64url')
  }

  return {
    async close(content, purpose) {
      const sealing = new EncryptJWT(content).setAudience(purpose).setProtectedHeader(ENCRYPTION)
      return sealing.encrypt(await readKey())
    },

    async open(sealed, purpose) {
      const key = await readKey()
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
