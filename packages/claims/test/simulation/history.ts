import fc from 'fast-check'
import { CASES } from './people.js'

/** One thing that happens in a simulated world. */
export type Command =
  /** Persona decides: the case becomes verified, or no longer is. */
  | { readonly kind: 'decide'; readonly index: number; readonly isVerified: boolean }
  /** The process dies after so many further turns: at any of its awaits. */
  | { readonly kind: 'crash'; readonly process: number; readonly afterTurns: number }
  /** A process is paused until its lease has passed to another, and then goes on. */
  | { readonly kind: 'pause'; readonly process: number }
  | { readonly kind: 'mine'; readonly blocks: number }
  /** The newest blocks are replaced by empty ones. */
  | { readonly kind: 'reorg'; readonly depth: number }
  /** The node forgets what it has not mined. */
  | { readonly kind: 'forget' }
  /** Another program sends with the same key, so many nonces ahead of the next. */
  | { readonly kind: 'intrude'; readonly ahead: number }
  /** The base fee rises above what transactions offer. */
  | { readonly kind: 'spike' }
  /** The sender loses its coins, or has them again. */
  | { readonly kind: 'fund'; readonly isFunded: boolean }
  /** The user of a case has no identity, or has one again. */
  | { readonly kind: 'identity'; readonly index: number; readonly isKnown: boolean }
  | { readonly kind: 'tick'; readonly ms: number }
  /** So many turns go by, and blocks with them. */
  | { readonly kind: 'run'; readonly turns: number; readonly turnsPerBlock: number }

/** What happens, and how unreliable the RPC endpoint is meanwhile. */
export interface History {
  readonly seed: number
  readonly commands: readonly Command[]
  /** The share of calls that fail, are answered by a node that lags, or are lied to. */
  readonly faultRate: number
}

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('decide' as const), index: fc.nat(CASES - 1), isVerified: fc.boolean() }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('crash' as const), process: fc.nat(1), afterTurns: fc.nat(500) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pause' as const), process: fc.nat(1) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('mine' as const), blocks: fc.integer({ min: 1, max: 15 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('reorg' as const), depth: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('intrude' as const), ahead: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('spike' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fund' as const), isFunded: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('identity' as const), index: fc.nat(CASES - 1), isKnown: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('tick' as const), ms: fc.constantFrom(100, 5000, 20_000, 70_000) }),
  },
  {
    weight: 14,
    arbitrary: fc.record({
      kind: fc.constant('run' as const),
      turns: fc.integer({ min: 1, max: 600 }),
      turnsPerBlock: fc.constantFrom(15, 60, 1000),
    }),
  },
)

/** All histories. */
export const histories: fc.Arbitrary<History> = fc.record({
  seed: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  commands: fc.array(command, { minLength: 15, maxLength: 60, size: 'max' }),
  faultRate: fc.constantFrom(0, 0.02, 0.1),
})
