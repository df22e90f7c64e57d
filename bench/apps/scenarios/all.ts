import type { Scenario } from '../../scenario.ts'
import { answers } from './answers.ts'
import { embedOrder, embedNote } from './embed.ts'
import { relay } from './relay.ts'
import { stalledSessions } from './stalled-sessions.ts'

/** In the order of the report. */
export const appScenarios: readonly Scenario[] = [embedOrder, embedNote, stalledSessions, relay, answers]
