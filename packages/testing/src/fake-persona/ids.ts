const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const ID_LENGTH = 24

/** Returns a new identifier such as `inq_5FrMN7NAGgFdGGysCDd7DaBW` for the prefix `inq`. */
export type IdSource = (prefix: string) => string

/** Returns a source of identifiers drawn from `random`: the same numbers give the same identifiers. */
export function createIdSource(random: () => number): IdSource {
  const letter = () => ALPHABET.charAt(Math.floor(random() * ALPHABET.length))
  return (prefix) => `${prefix}_${Array.from({ length: ID_LENGTH }, letter).join('')}`
}
