import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A certificate for this machine that signed itself, and where it is. */
export interface Certificate {
  readonly cert: string
  readonly key: string
  /** What a client has to trust. */
  readonly pem: string
}

/** Made by `openssl`, in a folder that must exist. */
export function makeCertificate(folder: string, name = 'localhost'): Certificate {
  const [cert, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)]
  const args = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '2',
  ]
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  execFileSync('openssl', [...args, ...subject, '-keyout', key, '-out', cert], { stdio: 'pipe' })
  return { cert, key, pem: readFileSync(cert, 'utf8') }
}
