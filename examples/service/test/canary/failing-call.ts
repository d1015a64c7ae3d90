import type { KycErrorCode } from '@persona-kyc/core'

/** A call that fails, with canaries in all that it is given. */
export interface FailingCall {
  /** The code of the error; null for one that has none. */
  readonly code: KycErrorCode | null
  /** What is done. */
  readonly name: string
  /** The name of the error. Default: KycError. */
  readonly errorName?: string
  /** Why it failed, where the error says so. */
  readonly reason?: string
  /** Throws, or rejects. */
  call(): unknown
}

/** Resolves with what a call fails with. */
export async function toFailure({ call }: FailingCall): Promise<unknown> {
  try {
    await call()
  } catch (error) {
    return error
  }
  throw new Error('The call does not fail.')
}
