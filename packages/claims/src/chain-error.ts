import { type ClaimErrorCode, isKycError, KycError } from '@persona-kyc/core'
import {
  BaseError,
  CallExecutionError,
  ContractFunctionExecutionError,
  ExecutionRevertedError,
  InsufficientFundsError,
} from 'viem'

/**
 * What nodes say of a contract that reverts, runs out of gas, or does what none may. viem cannot be asked: it knows some of
 * these only, and calls a node's own failure (-32603) a revert too.
 */
const REVERT =
  /revert|evm error|vm execution error|vm exception|due to an exception|out ?of ?gas|invalid ?(opcode|jump)|bad ?instruction|stack ?(under|over)flow/
const FUNDS_MISSING = /insufficient ?(funds|balance)|upfront cost exceeds|outoffunds/

/**
 * Turns what viem threw into a KycError: `chain_refused` where a contract reverts, gives no sense, or is none,
 * `chain_funds_missing` where the sender cannot pay, else `chain_unreachable`. Nothing of it is kept but its name: viem's messages quote URLs, which may
 * hold the key of an RPC provider, and calldata.
 */
export function toChainError(error: unknown): KycError {
  if (isKycError(error)) return error
  const cause = new Error(toErrorName(error))
  if (isRevert(error) || isSenseless(error)) return chainRefused(cause)
  if (isFundsMissing(error)) return fundsMissing(cause)
  return new KycError('chain_unreachable', {
    problem: `The chain cannot be asked (${cause.message}).`,
    fix: 'Check the RPC endpoint, its limits and its key; several behind viem’s fallback transport help. The call can be repeated.',
    cause,
  })
}

/** Runs a call to the chain. Rejects with what {@link toChainError} makes of its failure. */
export async function askChain<Result>(call: () => Promise<Result>): Promise<Result> {
  try {
    return await call()
  } catch (error) {
    throw toChainError(error)
  }
}

/** True for one of this library's errors with that code. */
export function hasClaimCode(error: unknown, code: ClaimErrorCode): boolean {
  return isKycError(error) && error.code === code
}

/** The error for a call that a contract would revert. */
export function chainRefused(cause?: Error): KycError {
  return new KycError('chain_refused', {
    problem: 'A contract refuses the call.',
    fix: 'Check that the issuer’s contract has the signer’s key with the purpose CLAIM, that the sender may manage the issuer, and that the sender has a key with the purpose CLAIM on the identity.',
    cause,
  })
}

/** The error for a chain that is not the one that was meant. */
export function chainMismatch(): KycError {
  return new KycError('chain_mismatch', {
    problem: 'The RPC endpoint serves another chain than before, or than the client is set up for.',
    fix: 'Check the URL, and the chain that the viem client was given.',
  })
}

/** What a node says when it refuses a transaction, in one word. */
export type SendRefusal = 'known' | 'nonce_used' | 'underpriced' | 'funds_missing' | 'refused' | 'unknown'

/** Reads why a node refused a signed transaction: geth, Erigon, Nethermind, Besu, Reth and Anvil say much the same. */
export function toSendRefusal(error: unknown): SendRefusal {
  const text = toDetails(error)
  if (/already ?known|known transaction|already ?imported|already exists|with (the )?same hash/.test(text))
    return 'known'
  if (/nonce (is )?too low|old ?nonce|nonce has already been used/.test(text)) return 'nonce_used'
  if (isFundsMissing(error)) return 'funds_missing'
  return /underpriced|fee ?too ?low|max ?fee ?per ?gas|gas price below|replacement|replace existing/.test(text)
    ? 'underpriced'
    : toOtherRefusal(error)
}

/** Codes with which nodes say that a transaction will not do, and much else. */
const REFUSING = new Set([-32000, -32003, -32010, -32602])
/** What passes: nonces that are still to come, a pool that is full, a node that is busy or behind. */
const PASSING =
  /nonce|full|pool|account limit|limit reached|rate|too many|time|try again|busy|sync|not (found|available)|unavailable/

function toOtherRefusal(error: unknown): SendRefusal {
  const isRefused = find(error, (inner) => REFUSING.has(Number((inner as { code?: unknown }).code)))
  return isRefused && !PASSING.test(toDetails(error)) ? 'refused' : 'unknown'
}

/** True where a contract did not do what it was called for, by the words of the node. */
export function isRevert(error: unknown): boolean {
  return (
    find(error, (inner) => inner instanceof ExecutionRevertedError || (inner as { code?: unknown }).code === 3) ||
    REVERT.test(toDetails(error))
  )
}

/** True where there is no contract, or it answers what cannot be decoded. */
function isSenseless(error: unknown): boolean {
  return error instanceof ContractFunctionExecutionError && !find(error, (inner) => inner instanceof CallExecutionError)
}

function fundsMissing(cause?: Error): KycError {
  return new KycError('chain_funds_missing', {
    problem: 'The sender cannot pay for the transaction.',
    fix: 'Send it the chain’s coin.',
    cause,
  })
}

function isFundsMissing(error: unknown): boolean {
  return find(error, (inner) => inner instanceof InsufficientFundsError) || FUNDS_MISSING.test(toDetails(error))
}

function find(error: unknown, test: (inner: unknown) => boolean): boolean {
  if (!(error instanceof BaseError)) return test(error ?? {})
  return error.walk((inner) => test(inner ?? {})) !== null
}

function toDetails(error: unknown): string {
  if (!(error instanceof BaseError)) return error instanceof Error ? error.message.toLowerCase() : ''
  const parts: string[] = []
  error.walk((inner) => {
    parts.push(inner instanceof BaseError ? inner.details : String((inner as Error).message))
    return false
  })
  return parts.join(' ').toLowerCase()
}

/** The name of the innermost error: what JSON-RPC answers is below it, and has none. */
function toErrorName(error: unknown): string {
  let name: string = typeof error
  for (let inner = error; inner instanceof Error; inner = inner.cause) name = inner.name
  return name
}
