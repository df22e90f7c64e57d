import { testContract } from './contract.ts'
import { RUNTIME_ABILITIES } from './ways/app.ts'
import { bun } from './ways/runtimes/binaries.ts'
import { startOn } from './ways/runtimes/start.ts'
import { versionOf } from './ways/version.ts'
import { READS_REFUSED_BODIES } from './ways/web-app.ts'

testContract({
  id: 'bun',
  name: 'Bun',
  versions: versionOf('bun'),
  abilities: RUNTIME_ABILITIES,
  exemptions: READS_REFUSED_BODIES,
  open: () => startOn(bun(), 'bun-main.ts'),
})
