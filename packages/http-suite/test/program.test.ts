import { startHub } from '@tailrace/testkit'
import { testContract } from './contract.ts'
import { argsFor, FORWARDED, PROGRAM_ABILITIES, subjectOf } from './ways/program.ts'

testContract({
  id: 'program',
  name: '`tailrace serve`',
  abilities: [...PROGRAM_ABILITIES, 'http1'],
  open: async (limits) => subjectOf(await startHub({ args: argsFor(limits) })),
})

testContract({
  id: 'program-node-http',
  name: '`tailrace serve`, streams by `node:http`',
  abilities: [...PROGRAM_ABILITIES, 'http1'],
  // The fast path leaves requests with this header to node:http.
  open: async (limits) => ({
    ...subjectOf(await startHub({ args: argsFor(limits), log: 'memory:' })),
    headers: { ...FORWARDED, connection: 'close' },
  }),
})

testContract({
  id: 'program-workers',
  name: '`tailrace serve --workers 2`',
  abilities: [...PROGRAM_ABILITIES, 'http1'],
  open: async (limits) =>
    subjectOf(await startHub({ args: [...argsFor(limits), '--workers', '2'], log: 'memory:' })),
})
