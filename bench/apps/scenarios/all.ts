import type { Scenario } from '../../scenario.ts'
import { embedOrder, embedNote } from './embed.ts'
import { stalledSessions } from './stalled-sessions.ts'

/** In the order of the report. */
export const appScenarios: readonly Scenario[] = [embedOrder, embedNote, stalledSessions]
