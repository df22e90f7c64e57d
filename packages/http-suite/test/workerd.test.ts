import { tempDir } from '@tailrace/testkit'
import { testContract } from './contract.ts'
import { RUNTIME_ABILITIES } from './ways/app.ts'
import { workerd } from './ways/runtimes/binaries.ts'
import { startApp } from './ways/runtimes/start.ts'
import { buildWorker } from './ways/runtimes/workerd.ts'
import { versionOf } from './ways/version.ts'

testContract({
  id: 'workerd',
  name: 'Workers',
  versions: versionOf('workerd'),
  abilities: RUNTIME_ABILITIES,
  exemptions: {
    '2.1 headers set the type and the key, in UTF-8':
      'Workers decode headers themselves, and a value outside ASCII is refused. In a batch, it is not.',
  },
  async open() {
    const dir = tempDir()
    const started = await startApp(workerd(), await buildWorker(dir.path), {})
    return {
      ...started,
      async close() {
        await started.close()
        dir[Symbol.dispose]()
      },
    }
  },
})
