import Koa from 'koa'
import { testContract } from './contract.ts'
import { APP_ABILITIES } from './ways/app.ts'
import { openNodeApp } from './ways/node-app.ts'
import type { NodeHandlers } from './ways/node-app.ts'
import { onNode } from './ways/version.ts'

testContract({
  id: 'koa',
  name: 'Koa',
  versions: onNode('koa'),
  abilities: APP_ABILITIES,
  open: () =>
    openNodeApp((handlers) =>
      new Koa()
        .use(async (context) => {
          const handle = handlers[context.path.slice(1) as keyof NodeHandlers]
          context.respond = false
          await handle(context.req, context.res)
        })
        .callback(),
    ),
})
