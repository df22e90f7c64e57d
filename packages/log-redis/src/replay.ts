import type { Connection } from './connection.ts'
import { isRefusal } from './reply-error.ts'

const DEFAULT_USER = 'default'
/** What scripts write, with as many arguments as each command needs. They are only checked, and not executed. */
const WRITES = [
  ['XADD', '1-1', 'field', 'value'],
  ['XDEL', '1-1'],
  ['RENAME'],
  ['UNLINK'],
  ['DEL'],
  ['HSET', 'field', 'value'],
  ['HINCRBY', 'field', '1'],
  ['HDEL', 'field'],
  ['ZADD', '1', 'member'],
  ['ZINCRBY', '1', 'member'],
  ['ZREM', 'member'],
  ['ZREMRANGEBYRANK', '0', '1'],
] as const

/**
 * Whether Redis would replay what the log has written. When it reads its append-only file, it checks what scripts have
 * written against the rights of the default user, and leaves out what that user may not do
 * (https://github.com/redis/redis/issues/14541).
 *
 * @param user who writes; undefined is the default user, whose rights the log proves by itself
 * @returns at most one sentence
 */
export async function hazardsOfReplay(
  connection: Connection,
  base: string,
  user: string | undefined,
): Promise<string[]> {
  if (user === undefined || user === DEFAULT_USER) return []
  const key = `${base}probe`
  try {
    const answers = await Promise.all(
      WRITES.map(([command, ...rest]) => {
        const keys = command === 'RENAME' ? [key, key] : [key]
        return connection.call(['ACL', 'DRYRUN', DEFAULT_USER, command, ...keys, ...rest])
      }),
    )
    if (answers.every((answer) => answer === 'OK')) return []
    return [
      'Redis reads its append-only file with the rights of its default user, which may not do what the log does, so it loses acknowledged events when it is restarted. Run ACL SETUSER default off allkeys allcommands, which lets nobody log in, and save it.',
    ]
  } catch (error) {
    if (!isRefusal(error)) throw error
    return [
      'The Redis user may not ask for the rights of the default user, with which Redis reads its append-only file, so it is not known whether it loses acknowledged events when it is restarted. Permit +acl|dryrun.',
    ]
  }
}
