import { createHmac } from 'node:crypto'

/** Draws from a generator that repeats itself for the same seed. */
export interface Draw {
  /** A whole number from 0 up to, but not including, the limit. */
  below(limit: number): number
  pick<Item>(items: readonly Item[]): Item
  bytes(length: number): Buffer
}

/** One `t` and one `v1`, as text: whatever text. */
export interface WrittenSet {
  readonly time: string
  readonly digest: string
}

/** A delivery under attack: what its header is made of, until a mutation makes it one text; and its body. */
export interface Attempt {
  readonly sets: readonly WrittenSet[]
  /** Null: the sets, written as Persona writes them. */
  readonly header: string | readonly string[] | null | undefined
  readonly hasHeader: boolean
  readonly body: Buffer
  /** All that was signed with a secret of ours: nothing else may be accepted. */
  readonly signed: readonly Signed[]
}

/** What a secret of ours has signed. */
export interface Signed {
  readonly time: string
  readonly body: Buffer
}

/** A change of an attempt. */
export type Mutation = (attempt: Attempt, draw: Draw) => Attempt

/** Returns draws from a source of numbers in [0, 1). */
export function createDraw(random: () => number): Draw {
  const below = (limit: number) => Math.floor(random() * limit)
  return {
    below,
    pick<Item>(items: readonly Item[]): Item {
      return items[below(items.length)] as Item
    },
    bytes: (length) => Buffer.from(Array.from({ length }, () => below(256))),
  }
}

/** The digest that Persona would send, by Node's own HMAC. */
export function toDigest(secret: string, time: string, body: Uint8Array): string {
  return createHmac('sha256', secret).update(`${time}.`).update(body).digest('hex')
}

/** The sets as Persona writes them. */
export function writeSets(sets: readonly WrittenSet[]): string {
  return sets.map(({ time, digest }) => `t=${time},v1=${digest}`).join(' ')
}

/** The header as one text, for mutations of its characters. */
export function toHeaderText({ sets, header, hasHeader }: Attempt): string {
  if (!hasHeader) return writeSets(sets)
  if (typeof header === 'string') return header
  return Array.isArray(header) ? header.join(' ') : ''
}

/** The attempt with another header, whatever its sets are. */
export function withHeader(attempt: Attempt, header: Attempt['header']): Attempt {
  return { ...attempt, header, hasHeader: true }
}
