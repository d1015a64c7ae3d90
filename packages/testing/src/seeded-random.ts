/**
 * Returns a generator of numbers in [0, 1) that repeats itself for the same seed (mulberry32): pass it as `random` to
 * make identifiers and shuffles reproducible. Never use it for secrets.
 */
export function createSeededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Returns a shuffled copy, drawn from `random`: the same numbers give the same order. */
export function toShuffled<T>(items: readonly T[], random: () => number): T[] {
  const keyed = items.map((item) => ({ item, key: random() }))
  return keyed.sort((left, right) => left.key - right.key).map(({ item }) => item)
}

/** Draws one of the items. */
export function pick<Item>(items: readonly Item[], random: () => number): Item {
  // `random` is below 1, so the index is in range; the item itself may be null.
  return items[Math.floor(random() * items.length)] as Item
}
