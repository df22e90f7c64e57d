import { log } from './log.ts'
import { secret } from './mint-secret.ts'
import { publish } from './publish.ts'
import { serve } from './serve.ts'
import { tail } from './tail.ts'
import { token } from './token.ts'
import type { Verb } from './verb.ts'

/** The verbs of the program. */
export const VERBS: readonly Verb[] = [serve, publish, tail, log, secret, token]
