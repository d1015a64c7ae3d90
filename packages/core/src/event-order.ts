/** An event's place in the order of events. */
export interface EventPosition {
  /** By Persona's clock. */
  readonly occurredAt: Date
  /** How decided its status is; the higher one is newer at one time. */
  readonly rank: number
  /** The event's id: the last resort, so that any order of arrival ends the same. */
  readonly id: string
}

const encoder = new TextEncoder()

/** True when the event does not come after `last`; null is before all events. */
export function isOlderEvent(event: EventPosition, last: EventPosition | null): boolean {
  if (last === null) return false
  const byTime = event.occurredAt.getTime() - last.occurredAt.getTime()
  return (byTime || event.rank - last.rank || compareBytes(event.id, last.id)) <= 0
}

/** Compares as PostgreSQL's "C" collation does: by the bytes of UTF-8. */
function compareBytes(left: string, right: string): number {
  const [leftBytes, rightBytes] = [encoder.encode(left), encoder.encode(right)]
  const differing = leftBytes.findIndex((byte, index) => byte !== rightBytes[index])
  if (differing === -1) return leftBytes.length - rightBytes.length
  return (leftBytes[differing] ?? 0) - (rightBytes[differing] ?? -1)
}
