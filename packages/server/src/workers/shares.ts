import type { ServeValues } from '../cli/serve-settings.ts'

/** Memory that `http` may need for one page of history: twice a page of 1 MiB, and as much again for the half of its address. */
const PAGES_OF_ONE_ADDRESS = 4
const PAGE_BYTES = 2 * 1024 ** 2
/** Memory of connections that have just arrived, below which even a few would push each other out. */
const LEAST_PENDING = 1024 ** 2
/** Reads that may wait at each worker, at least. */
const LEAST_READS = 64

/**
 * The settings of each worker: of the memory for all clients it has its share, but so much that the largest request
 * that is allowed still fits.
 */
export function sharesOf(values: ServeValues, workers: number): ServeValues {
  /** Never more than was set. */
  const share = (all: number, least: number): number =>
    Math.max(Math.floor(all / workers), Math.min(all, least))
  return {
    ...values,
    'window-total': share(values['window-total'], values.window),
    'max-bodies': share(values['max-bodies'], 4 * values['max-batch']),
    'max-history': share(values['max-history'], PAGES_OF_ONE_ADDRESS * (PAGE_BYTES + values['max-event'])),
    'max-pending': share(values['max-pending'], LEAST_PENDING + values['max-head']),
    'max-queued-reads': share(values['max-queued-reads'], LEAST_READS),
  }
}
