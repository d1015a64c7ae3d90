import { setTimeout as delay } from 'node:timers/promises'
import { KycError } from '@persona-kyc/core'
import { type Address, getContractAddress, type Hash, type LocalAccount, type PublicClient } from 'viem'
import { askChain, hasClaimCode } from '../chain-error.js'
import type { RecordedStep } from './address-file.js'
import type { DeploymentRecord } from './record.js'
import type { DeployStep } from './step.js'
import { sendSigned, signStep } from './transaction.js'
import { createDeploymentView } from './view.js'

/** What steps are taken with. */
export interface StepContext {
  readonly client: PublicClient
  readonly account: LocalAccount
  readonly chainId: number
  readonly record: DeploymentRecord
  /** How many blocks, its own included, a transaction is in before it counts. */
  readonly confirmations: number
  /** How long to wait for a transaction. */
  readonly timeoutMs: number
  readonly onLine: (line: string) => void
}

const FIRST_POLL_MS = 25
const MAX_ATTEMPTS = 10

/**
 * Takes the step, or goes on with it, and resolves with how many transactions were sent for it: the chain shows its
 * result then, and the record says so. Its nonce is recorded before it is sent, and it is sent again with the same
 * nonce only, so that of many attempts at most one counts; a new nonce is taken when the old one is used up and the
 * chain shows, at the same block, that it was used for something else.
 */
export async function takeStep(context: StepContext, step: DeployStep, label: string): Promise<number> {
  const { record, account, onLine } = context
  const begun = record.stepOf(step)?.nonce
  const free = await findFreeNonce(context)
  let nonce = begun ?? Math.min(record.nextNonce() ?? free, free)
  // Where the nonce of a step that was never begun is in use, what it is used for is waited for, not replaced.
  let isAwaited = begun === undefined && free > nonce
  let sent = 0
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    note(context, step, { nonce, state: 'sending' })
    const hash = isAwaited ? null : await sendWhereOpen(context, step, { nonce, label })
    if (hash !== null) sent++
    if (await settle(context, step, nonce)) {
      note(context, step, { nonce, state: 'done' })
      await record.save()
      onLine(`${label} ${toResult(record.stepOf(step)?.address, hash)}`)
      return sent
    }
    if (hash !== null && (await isReverted(context, hash))) throw reverted(step)
    nonce = await findFreeNonce(context)
    isAwaited = false
  }
  throw new KycError('chain_unconfirmed', {
    problem: `Another program sends from ${account.address} all the time: no nonce stayed free for "${step.title}".`,
    fix: 'Stop it, or deploy with a wallet of your own, and run the command again: it goes on from here.',
  })
}

/** Resolves with the hash of what was sent, or null where the step is done, or the nonce used, without that. */
async function sendWhereOpen(
  context: StepContext,
  step: DeployStep,
  { nonce, label }: { readonly nonce: number; readonly label: string },
): Promise<Hash | null> {
  const isClosed = async () => (await look(context, step, { nonce, depth: 0 })).isNonceUsed
  if (await isClosed()) return null
  context.onLine(`${label} ${step.title} (nonce ${nonce})`)
  try {
    const raw = await signStep(context, step, nonce)
    await context.record.save()
    return await sendSigned(context, raw)
  } catch (error) {
    // What was sent before, or what another run has sent, may have been mined just now: to do it again is refused then.
    if (hasClaimCode(error, 'chain_refused') && (await isClosed())) return null
    throw error
  }
}

function note(
  { record, account }: StepContext,
  step: DeployStep,
  { nonce, state }: Pick<RecordedStep, 'nonce' | 'state'>,
): void {
  const address = step.isCreation ? getContractAddress({ from: account.address, nonce: BigInt(nonce) }) : null
  record.put({ name: step.name, nonce, address, state })
}

/**
 * Looks at the newest block, or at one that is `depth` blocks older. That the nonce was used for something else is said
 * only when it is counted both before and after looking: while anvil mines, it shows its newest block with what the
 * next one brings, for a moment.
 */
async function look(
  { client, account, record }: StepContext,
  step: DeployStep,
  { nonce, depth }: { readonly nonce: number; readonly depth: number },
): Promise<{ readonly isDone: boolean; readonly isNonceUsed: boolean }> {
  const newest = await askChain(() => client.getBlockNumber({ cacheTime: 0 }))
  const blockNumber = newest - BigInt(depth)
  if (blockNumber < 0n) return { isDone: false, isNonceUsed: false }
  const view = createDeploymentView(client, blockNumber)
  const isNonceUsed = async () => (await view.transactionCountOf(account.address)) > nonce
  const isUsed = await isNonceUsed()
  const isDone = await step.isDone(view, record.addressOf)
  return { isDone, isNonceUsed: isDone || (isUsed && (await isNonceUsed())) }
}

/** Resolves with true when the step is done, as deep in the chain as is asked for, and with false when its nonce went elsewhere. */
async function settle(context: StepContext, step: DeployStep, nonce: number): Promise<boolean> {
  const { client, confirmations, timeoutMs } = context
  const deadline = Date.now() + timeoutMs
  for (let pollMs = FIRST_POLL_MS; ; pollMs *= 2) {
    const { isDone, isNonceUsed } = await look(context, step, { nonce, depth: confirmations - 1 })
    if (isDone || isNonceUsed) return isDone
    if (Date.now() > deadline) throw unconfirmed(step, nonce)
    await delay(Math.min(pollMs, client.pollingInterval))
  }
}

function findFreeNonce({ client, account: { address } }: StepContext): Promise<number> {
  return askChain(() => client.getTransactionCount({ address, blockTag: 'pending' }))
}

/** False too where the node does not know the transaction, for then it was another that used the nonce. */
function isReverted({ client }: StepContext, hash: Hash): Promise<boolean> {
  return askChain(() => client.getTransactionReceipt({ hash })).then(
    ({ status }) => status === 'reverted',
    () => false,
  )
}

function toResult(address: Address | null | undefined, hash: Hash | null): string {
  return `${address ?? 'done'} ${hash === null ? '(it was there already)' : `(transaction ${hash})`}`
}

function reverted(step: DeployStep): KycError {
  return new KycError('chain_refused', {
    problem: `The transaction for "${step.title}" was mined, and failed.`,
    fix: 'Look at it in a block explorer. Running the command again tries it again.',
  })
}

function unconfirmed(step: DeployStep, nonce: number): KycError {
  return new KycError('chain_unconfirmed', {
    problem: `The transaction for "${step.title}" (nonce ${nonce}) is not confirmed in time.`,
    fix: 'Run the command again: it goes on from here, and offers the fee of that time for the same transaction.',
  })
}
