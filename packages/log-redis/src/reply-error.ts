import { LogError } from '@tailrace/log'
import type { LogErrorCode } from '@tailrace/log'

interface Meaning {
  readonly code: LogErrorCode
  /** What to do about it. */
  readonly remedy?: string
  /** The connection is of no more use: another server must be found, or this one again. */
  readonly isLost?: boolean
}

/** What the first word of an error means. In all of these cases, Redis has executed nothing. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  NOAUTH: { code: 'unauthorized', remedy: 'Put the user and the password into the URL of the log.' },
  WRONGPASS: { code: 'unauthorized', remedy: 'Check the user and the password of the log.' },
  OOM: { code: 'full', remedy: 'Keep less with --retain, or raise maxmemory.' },
  NOREPLICAS: {
    code: 'unwritable',
    remedy: 'Too few replicas are connected for min-replicas-to-write: check them.',
  },
  WRONGTYPE: {
    code: 'foreign',
    remedy: 'Another application uses a key of this log: choose another prefix in the URL.',
  },
  READONLY: { code: 'unreachable', isLost: true },
  UNBLOCKED: { code: 'unreachable', isLost: true },
  LOADING: { code: 'unreachable', isLost: true },
  MASTERDOWN: { code: 'unreachable', isLost: true },
  CLUSTERDOWN: { code: 'unreachable', isLost: true },
  TRYAGAIN: { code: 'unreachable', isLost: true },
  MOVED: { code: 'unreachable', isLost: true },
  ASK: { code: 'unreachable', isLost: true },
  BUSY: { code: 'unreachable', remedy: 'Another script occupies Redis for too long.' },
}

const UNKNOWN: Meaning = { code: 'unwritable' }

/** An error that Redis has answered with, and whether the connection is of no more use. */
export function toLogError(reply: Error, command: string): { error: LogError; isLost: boolean } {
  const word = /^[A-Z]+/.exec(reply.message)?.[0] ?? ''
  if (word === 'NOPERM' || /can't (run|access)/.test(reply.message)) {
    return { error: notPermitted(reply, command), isLost: false }
  }
  const {
    code,
    remedy,
    isLost = false,
  } = word === 'MISCONF' ? misconfigured(reply) : (MEANINGS[word] ?? UNKNOWN)
  const said = `Redis answered to ${command}: ${firstLine(reply.message)}`
  const message = remedy === undefined ? said : `${said}. ${remedy}`
  return { error: new LogError(code, message, { cause: reply, details: { reply: word } }), isLost }
}

/** Redis cannot write its file to the disk, and accepts no writes until it can. */
function misconfigured({ message }: Error): Meaning {
  return message.includes('No space left')
    ? { code: 'full', remedy: 'Free some space on the disk of Redis.' }
    : { code: 'unwritable', remedy: 'The log of Redis says why it cannot write to its disk.' }
}

/** Redis has answered, but does not execute the command: for this user, or for anybody. */
export function isRefusal(error: unknown): boolean {
  return LogError.is(error) && (error.code === 'unauthorized' || error.code === 'unwritable')
}

function notPermitted(reply: Error, command: string): LogError {
  const message =
    `The Redis user may not do what the log needs (${command}): ${firstLine(reply.message)}. ` +
    'Permit it with ACL SETUSER, as described in the README of @tailrace/log-redis.'
  return new LogError('unauthorized', message, { cause: reply, details: { command } })
}

function firstLine(message: string): string {
  return (message.split(/\r?\n/, 1)[0] ?? '').replace(/\.$/, '')
}
