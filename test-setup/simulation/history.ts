import fc from 'fast-check'
import { ACTIONS, type Action } from './simulated-persona.js'

/** One thing that happens. Indices are taken modulo what there is. */
export type Command =
  | { readonly kind: 'initiate'; readonly process: number; readonly user: number }
  | { readonly kind: 'resume'; readonly process: number; readonly index: number }
  | { readonly kind: 'act'; readonly index: number; readonly action: Action }
  | { readonly kind: 'exhaust'; readonly index: number }
  | { readonly kind: 'foreign'; readonly isReferring: boolean }
  | { readonly kind: 'deliver'; readonly process: number; readonly index: number; readonly copies: number }
  | { readonly kind: 'reconcile'; readonly process: number }
  | { readonly kind: 'crash'; readonly process: number; readonly afterTurns: number }
  | { readonly kind: 'tick'; readonly ms: number }
  | { readonly kind: 'run'; readonly turns: number }

/** What happens in a simulated world, and in what order what happens at once goes on. */
export interface History {
  readonly commands: readonly Command[]
  /** Of the scheduler, the ids and the faults. */
  readonly seed: number
  /** How often a call to Persona goes wrong, 0 to 1. */
  readonly faultRate: number
  /** True where webhooks do not tell the reference id: an attribute blocklist takes it out. */
  readonly hidesReference: boolean
  /** What brings the truth home in the end: the reconciler, by one of its sources or both, each event once more, or nothing. */
  readonly ending: 'cases' | 'events' | 'both' | 'redeliver' | 'nothing'
}

const PROCESSES = 2
/** How many people there are. */
export const USERS = 2

const process = fc.nat(PROCESSES - 1)
const index = fc.nat(30)

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('initiate' as const), process, user: fc.nat(USERS - 1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('resume' as const), process, index }) },
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('act' as const), index, action: fc.constantFrom(...ACTIONS) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('exhaust' as const), index }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('foreign' as const), isReferring: fc.boolean() }) },
  {
    // Of all events about 30 % are drawn by no delivery.
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('deliver' as const),
      process,
      index,
      copies: fc.integer({ min: 1, max: 8 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reconcile' as const), process }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('crash' as const), process, afterTurns: fc.nat(12) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('tick' as const), ms: fc.constantFrom(0, 1, 1000, 5000, 60_000) }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('run' as const), turns: fc.nat(20) }) },
)

/** Draws histories. */
export const histories: fc.Arbitrary<History> = fc.record({
  commands: fc.array(command, { minLength: 1, maxLength: 40, size: 'max' }),
  seed: fc.nat(),
  faultRate: fc.constantFrom(0, 0, 0.1, 0.4),
  hidesReference: fc.constantFrom(false, false, true),
  ending: fc.constantFrom('cases', 'events', 'both', 'redeliver'),
})
