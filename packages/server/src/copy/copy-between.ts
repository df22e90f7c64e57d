import { existsSync } from 'node:fs'
import { openLog } from '@tailrace/log'
import { CopyError } from './copy-error.ts'
import { copyLog } from './copy-log.ts'
import type { CopyOptions } from './copy-log.ts'

/** A log that is not open yet. */
interface Address {
  readonly url: string
  readonly password: string | undefined
}

export interface CopyBetweenOptions extends Pick<CopyOptions, 'report'> {
  readonly from: Address
  readonly to: Address
  warn(sentence: string): void
}

/** Opens two logs and copies one to the other. @throws as `openLog` and `copyLog` */
export async function copyBetween({ from, to, report, warn }: CopyBetweenOptions): Promise<number> {
  // Opening a file that does not exist would create it.
  const file = from.url.startsWith('sqlite:') ? from.url.slice('sqlite:'.length) : undefined
  if (file !== undefined && !existsSync(file)) throw new CopyError(`there is no log ${from.url} to copy`)
  const source = await openLog(from.url, { password: from.password })
  try {
    const destination = await openLog(to.url, { password: to.password, warn })
    try {
      return await copyLog({ source, destination, report })
    } finally {
      await destination.close()
    }
  } finally {
    await source.close()
  }
}
