import type { KycErrorCode } from '@persona-kyc/core'
import type { Adapter, Answer } from './canary-adapters.js'
import type { World, WorldOptions } from './canary-world.js'

/** A way to an error answer, with canaries in all that leads there. */
export interface Provocation {
  /** The code that the answer has. */
  readonly code: string
  /** What is done. */
  readonly name: string
  /** The code of the error underneath, where the answer has another one. */
  readonly error?: KycErrorCode
  /** Which adapters it can be done with. Default: all. */
  readonly isFor?: (adapter: Adapter) => boolean
  readonly options?: () => WorldOptions
  /** Does it; resolves with the answer that has the code, or null where nobody is left to be answered. */
  play(world: World): Promise<Answer | null>
}
