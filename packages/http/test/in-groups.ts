import { sendInGroups } from '@tailrace/http/node'
import { loadSend } from '@tailrace/multisend'

// For tests that run a second time: readers on connections of their own are written to in groups.
sendInGroups(loadSend())
