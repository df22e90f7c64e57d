import { spawnSync } from 'node:child_process'

import { tempDir } from './temp.ts'

/** A disk that really fills up, so that ENOSPC comes from the kernel and not from a mock. */
export interface SmallDisk extends Disposable {
  readonly path: string
}

/**
 * Mounts a tmpfs of about `bytes` (the kernel rounds up to whole pages). `undefined` if this process may not mount:
 * it is not root, or in a container without the capability.
 */
export function mountSmallDisk(bytes: number): SmallDisk | undefined {
  const dir = tempDir()
  const mounted = spawnSync(
    'mount',
    ['-t', 'tmpfs', '-o', `size=${bytes},mode=0700`, 'tailrace-test', dir.path],
    { stdio: 'ignore' },
  )
  if (mounted.status !== 0) {
    dir[Symbol.dispose]()
    return undefined
  }
  return {
    path: dir.path,
    [Symbol.dispose]() {
      // Lazy: a hub that was killed a moment ago may still have a file open.
      const unmounted = spawnSync('umount', ['-l', dir.path], { encoding: 'utf8' })
      if (unmounted.status !== 0) throw new Error(`cannot unmount ${dir.path}: ${unmounted.stderr}`)
      dir[Symbol.dispose]()
    },
  }
}
