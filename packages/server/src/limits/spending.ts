/** What clients spend at the other processes of a hub, so that one rate applies to all of them. */
export interface Spending {
  /** Tells the others what a client has spent here. */
  report(key: string, events: number, bytes: number): void
  /** Calls back with what a client has spent elsewhere, some time later. */
  onSpent(spend: (key: string, events: number, bytes: number) => void): void
}
