import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A self-signed certificate for this machine, and the paths of its files. */
export interface Certificate {
  readonly cert: string
  readonly key: string
  /** The certificate that a client must trust. */
  readonly pem: string
}

/** Created with `openssl`, in a folder that must exist. */
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
