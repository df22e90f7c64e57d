import { createRequire } from 'node:module'

/**
 * Sends the same bytes to many sockets in one call, without waiting for any of them.
 *
 * @param descriptors - the file descriptors of the sockets. A negative one is skipped: 0 bytes
 * @param count - how many of them, from the first on; at most as many as there are descriptors and results
 * @param bytes - the same for all of them
 * @param results - how many bytes the kernel took for each descriptor, or a negative error number, such as -11 (`EAGAIN`)
 * on Linux. What it did not take is up to the caller
 * @returns how many descriptors took all bytes
 * @throws TypeError or RangeError if the arguments are not as described; nothing is sent then
 */
export type Send = (descriptors: Int32Array, count: number, bytes: Uint8Array, results: Int32Array) => number

/** The packages with a build for each platform: npm installs those that fit. Linux has two C libraries. */
const BUILDS: Readonly<Record<string, readonly string[]>> = {
  'linux x64': ['@tailrace/multisend-linux-x64-gnu', '@tailrace/multisend-linux-x64-musl'],
  'linux arm64': ['@tailrace/multisend-linux-arm64-gnu', '@tailrace/multisend-linux-arm64-musl'],
  'darwin x64': ['@tailrace/multisend-darwin-x64'],
  'darwin arm64': ['@tailrace/multisend-darwin-arm64'],
}

/** @returns undefined if there is no build for this platform, or it is not installed or cannot be loaded */
export function loadSend(): Send | undefined {
  const require = createRequire(import.meta.url)
  for (const name of BUILDS[`${process.platform} ${process.arch}`] ?? []) {
    try {
      return (require(name) as { readonly send: Send }).send
    } catch {
      // It is absent, or for the other C library.
    }
  }
  return undefined
}
