/** Races are run as often: one that is wrong may still end right once. */
export const RACE_ROUNDS = 10

/** Races of events have more ways to end, and are run more often still. */
export const EVENT_RACE_ROUNDS = 20

/** Calls so many times at once. */
export function together<Value>(count: number, call: (index: number) => Promise<Value>): Promise<Value[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => call(index)))
}

/** Lets timers and sockets have their turn. */
export function yieldTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}
