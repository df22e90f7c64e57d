import type { Check } from '../check.ts'
import { expectProblem } from '../site.ts'

export function testParameters(check: Check): void {
  check('3.16', 'a value that is not listed, and a parameter given twice, are refused', async (site) => {
    for (const [query, parameter] of [
      ['snapshot=yes', 'snapshot'],
      ['gap=nothing', 'gap'],
      ['envelope=xml', 'envelope'],
      ['conflate=1ms', 'conflate'],
      ['conflate=1', 'conflate'],
      ['from=now&from=start', 'from'],
    ] as const) {
      const answer = await site.ask(site.paths.stream([site.topic()], query), {
        headers: { accept: 'text/event-stream' },
      })
      expectProblem(answer, 400, 'invalid-query', { parameter })
    }
  })

  check.with('protocol', '3.16', 'a parameter that the protocol does not name is refused', async (site) => {
    expectProblem(await site.ask(site.paths.stream([site.topic()], 'form=start')), 400, 'invalid-query', {
      parameter: 'form',
    })
    expectProblem(
      await site.ask(`${site.paths.publish(site.topic())}?key=k`, { method: 'POST', body: 'x' }),
      400,
      'invalid-query',
    )
  })
}
