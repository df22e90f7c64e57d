import { randomBytes } from 'node:crypto'
import { endWithOutput } from './output.ts'
import { UsageError } from './usage-error.ts'
import { verb } from './verb.ts'
import type { Verb } from './verb.ts'

/** The length of the HMAC-SHA-256 hash. */
const SECRET_BYTES = 32

export const secret: Verb = verb({
  name: 'secret',
  operands: '',
  summary: 'Print a new secret for signing tokens.',
  description: `Keep it in a file that nobody else can read: (umask 077; tailrace secret > tailrace.secret). Pass the file to the hub,
and to the program that signs tokens, as --jwt-secret-file.`,
  settings: {},

  async run(_, operands) {
    if (operands.length > 0) throw new UsageError('secret accepts no arguments')
    endWithOutput()
    process.stdout.write(`${randomBytes(SECRET_BYTES).toString('base64url')}\n`)
    return 0
  },
})
