import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, realpathSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

import { tempDir, type TempDir } from './temp.ts'

/** How long to retry a copy before the device counts as one that is never quiet. */
const QUIET_TIMEOUT_MS = 20_000

/** A file system (ext4) in a file, so that what reached its device can be examined separately from what is cached. */
export interface DiskImage extends Disposable {
  readonly path: string
  /**
   * A separate disk with the content of the device at one instant: everything that was written to it, and nothing
   * that is only in the kernel's cache. Mounting it replays the journal, as after a power cut. If the device was
   * written to during a copy, the copy is discarded and made again.
   */
  copy(): DiskImage
}

/** `undefined` if this process may not mount, or if there is no `mkfs.ext4` or loop device. */
export function mountDiskImage(bytes: number): DiskImage | undefined {
  const dir = tempDir()
  const file = join(dir.path, 'image')
  writeFileSync(file, '')
  truncateSync(file, bytes)
  const made = spawnSync('mkfs.ext4', ['-q', '-F', file], { stdio: 'ignore' })
  return made.status === 0 ? mountImage(dir, file) : discard(dir)
}

function mountImage(dir: TempDir, file: string): DiskImage | undefined {
  const path = join(dir.path, 'disk')
  mkdirSync(path)
  const mounted = spawnSync('mount', ['-t', 'ext4', '-o', 'loop', file, path], { stdio: 'ignore' })
  if (mounted.status !== 0) return discard(dir)
  return {
    path,
    copy() {
      const copy = tempDir()
      const target = join(copy.path, 'image')
      copyQuietly(file, target, deviceOf(path))
      const disk = mountImage(copy, target)
      if (disk === undefined) throw new Error('the copy of a disk cannot be mounted')
      return disk
    },
    [Symbol.dispose]() {
      // Lazy: a process that was killed a moment ago may still have a file open.
      const unmounted = spawnSync('umount', ['-l', path], { encoding: 'utf8' })
      if (unmounted.status !== 0) throw new Error(`cannot unmount ${path}: ${unmounted.stderr}`)
      dir[Symbol.dispose]()
    },
  }
}

function copyQuietly(file: string, target: string, device: string): void {
  const deadline = performance.now() + QUIET_TIMEOUT_MS
  while (performance.now() < deadline) {
    const before = writesOf(device)
    if (before !== undefined) {
      copyFileSync(file, target)
      if (writesOf(device) === before) return
    }
    // A busy machine needs a while to finish pending work.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
  }
  throw new Error(`${device} is never quiet: stop the programs that write to it`)
}

/** The name of the loop device below a mount point. */
function deviceOf(path: string): string {
  const mountPoint = realpathSync(path)
  const mount = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .find(([, point]) => point === mountPoint)
  return basename(mount![0]!)
}

/** How much has been written so far (Linux, `Documentation/block/stat.rst`). Undefined while a request is under way. */
function writesOf(device: string): string | undefined {
  const fields = readFileSync(`/sys/block/${device}/stat`, 'utf8').trim().split(/ +/)
  return fields[8] === '0' ? fields.slice(4, 7).join(' ') : undefined
}

function discard(dir: TempDir): undefined {
  dir[Symbol.dispose]()
  return undefined
}
