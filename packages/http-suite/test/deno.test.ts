import { testContract } from './contract.ts'
import { RUNTIME_ABILITIES } from './ways/app.ts'
import { deno } from './ways/runtimes/binaries.ts'
import { startOn } from './ways/runtimes/start.ts'
import { versionOf } from './ways/version.ts'
import { READS_REFUSED_BODIES } from './ways/web-app.ts'

testContract({
  id: 'deno',
  name: 'Deno',
  versions: versionOf('deno'),
  abilities: RUNTIME_ABILITIES,
  exemptions: READS_REFUSED_BODIES,
  open: () => startOn(deno(), 'deno-main.ts'),
})
