import type { Scenario } from '../scenario.ts'
import { fairness } from './fairness.ts'
import { fanoutHigh } from './fanout-high.ts'
import { fanoutLow } from './fanout-low.ts'
import { idle } from './idle.ts'
import { latency } from './latency.ts'
import { publishing } from './publish.ts'
import { resumeStorm } from './resume-storm.ts'
import { saturation } from './saturation.ts'
import { stalled } from './stalled.ts'

/** In the order of the report. */
export const scenarios: readonly Scenario[] = [
  fanoutLow,
  fanoutHigh,
  latency,
  saturation,
  idle,
  publishing,
  resumeStorm,
  stalled,
  fairness,
]
