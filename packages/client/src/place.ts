/** `<epoch>.<offset>`: the cursors of a Tailrace log (spec/protocol.md). The ids of other servers have no order. */
const CURSOR = /^(.+)\.(\d+)$/

/** Compares two positions: positive if the first is later, 0 if they are equal, undefined if they cannot be compared. */
export function orderOf(one: string | undefined, other: string | undefined): number | undefined {
  if (one === undefined || other === undefined) return undefined
  if (one === other) return 0
  const [, oneEpoch, oneOffset] = CURSOR.exec(one) ?? []
  const [, otherEpoch, otherOffset] = CURSOR.exec(other) ?? []
  return oneEpoch !== undefined && oneEpoch === otherEpoch
    ? Number(oneOffset) - Number(otherOffset)
    : undefined
}
