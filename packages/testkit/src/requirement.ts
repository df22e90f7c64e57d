import { accessSync, constants, existsSync, globSync } from 'node:fs'
import { delimiter, join } from 'node:path'

import { TestRunner } from 'vitest'

import { hasChromium } from './chromium.ts'
import { mountDiskImage } from './disk-image.ts'
import { hasKafka } from './kafka.ts'
import { openNetwork } from './network.ts'
import { mountSmallDisk } from './small-disk.ts'

declare module 'vitest' {
  interface TaskMeta {
    /** Tools from outside npm that a test file needs and did not find. Read by `scripts/report-skips.ts`. */
    unmetNeeds?: RequirementName[]
  }
}

/** All tools from outside npm that tests may need. `scripts/provision.sh` installs those that can be installed. */
export type RequirementName =
  | 'caddy'
  | 'chromium'
  | 'curl'
  | 'ext4'
  | 'faketime'
  | 'gcc'
  | 'haproxy'
  | 'kafka'
  | 'libssl'
  | 'mount'
  | 'nats'
  | 'network'
  | 'nginx'
  | 'openssl'
  | 'postgres'
  | 'redis'
  | 'varnish'

const probes: Record<RequirementName, () => boolean> = {
  caddy: () => isOnPath('caddy'),
  chromium: hasChromium,
  curl: () => isOnPath('curl'),
  ext4: canMountImage,
  faketime: () => globSync('/usr/lib/*/faketime/libfaketimeMT.so.1').length > 0,
  gcc: () => isOnPath('gcc'),
  haproxy: () => isOnPath('haproxy'),
  kafka: () => isOnPath('java') && hasKafka(),
  libssl: () => existsSync('/usr/include/openssl/ssl.h'),
  mount: canMount,
  nats: () => isOnPath('nats-server'),
  network: canOpenNetwork,
  nginx: () => isOnPath('nginx'),
  openssl: () => isOnPath('openssl'),
  postgres: () => isOnPath('pg_config') || isOnPath('psql'),
  redis: () => isOnPath('redis-server'),
  varnish: () => isOnPath('varnishd'),
}

const answers = new Map<RequirementName, boolean>()

/**
 * Whether the machine has a tool. Call this at the top of a test file, then `test.skipIf(!chromium)(…)`. A missing
 * tool is recorded on the file, and fails the run if `CI=true`, whatever the file does then.
 */
export function needs(name: RequirementName): boolean {
  const isMet = answers.get(name) ?? probes[name]()
  answers.set(name, isMet)
  if (!isMet) recordUnmet(name)
  return isMet
}

function recordUnmet(name: RequirementName): void {
  // Benches and scripts also call this, outside vitest, where nobody reports.
  if (process.env['VITEST'] === undefined) return
  const { meta } = TestRunner.getCurrentTest()?.file ?? TestRunner.getCurrentSuite().file
  meta.unmetNeeds ??= []
  if (!meta.unmetNeeds.includes(name)) meta.unmetNeeds.push(name)
}

function isOnPath(command: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

function canOpenNetwork(): boolean {
  using network = openNetwork()
  return network !== undefined
}

function canMount(): boolean {
  using disk = mountSmallDisk(4096)
  return disk !== undefined
}

function canMountImage(): boolean {
  using disk = mountDiskImage(2 ** 20)
  return disk !== undefined
}
