/** What answers have told so far, by the names of their members. */
export interface KnownValues {
  learn(answer: unknown): void
  /** One of the values of this name, or null where none is known. */
  pick(name: string, index: number): string | null
}

/** Returns a memory of one series of requests. `after` is what an answer calls `next_after`. */
export function createKnownValues(): KnownValues {
  const values = new Map<string, string[]>()
  const learn = (answer: unknown): void => {
    if (typeof answer !== 'object' || answer === null) return
    for (const [name, value] of Object.entries(answer)) {
      if (typeof value === 'string') remember(values, name.replace(/^next_/, ''), value)
      else learn(value)
    }
  }
  return {
    learn,
    pick(name, index) {
      const known = values.get(name) ?? []
      return known[index % known.length] ?? null
    },
  }
}

function remember(values: Map<string, string[]>, name: string, value: string): void {
  const known = values.get(name) ?? []
  if (!known.includes(value)) known.push(value)
  values.set(name, known)
}
