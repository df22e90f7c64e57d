/** The packages with a README that people read in a registry: logs, and what applications use beside the hub. */
export const LOGS: readonly string[] = [
  'log',
  'log-suite',
  'log-sequencer',
  'log-ipc',
  'log-redis',
  'log-postgres',
  'log-nats',
  'log-kafka',
]

export const APPS: readonly string[] = ['http-suite', 'topics', 'llm', 'mcp', 'multisend']
