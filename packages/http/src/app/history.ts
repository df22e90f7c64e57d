import type { Hub } from '@tailrace/hub'
import type { Exchange } from '../exchange.ts'
import { HISTORY_PARAMETERS, parseHistoryQuery } from '../history-query.ts'
import { answerHistory } from '../history.ts'
import { answering } from './answering.ts'
import { askedFor } from './asked-for.ts'
import { APP_GATE, clientOf } from './reader.ts'
import { selectorsOf } from './selectors.ts'
import type { ServeOptions } from './stream.ts'

/** Whose history an application serves, and to whom. */
export type ServeHistoryOptions = Pick<
  ServeOptions,
  'topics' | 'patterns' | 'until' | 'subject' | 'compression'
>

const ASKABLE: readonly string[] = [...HISTORY_PARAMETERS].filter((name) => name !== 'topic')

/** Serves a page of the history of the topics that the application chose, as JSON. */
export function handleHistory(hub: Hub, exchange: Exchange, options: ServeHistoryOptions): Promise<void> {
  return answering({ hub, exchange, method: 'GET' }, async () => {
    const client = clientOf(exchange, options)
    const query = askedFor(exchange, ASKABLE)
    await answerHistory(
      { hub, gate: APP_GATE, client, exchange },
      parseHistoryQuery({ selectors: selectorsOf(options), query }),
    )
  })
}
