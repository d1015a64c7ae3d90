import type { ChainTransaction } from '@persona-kyc/core'
import { type Address, type Hex, keccak256 } from 'viem'
import { askChain, toSendRefusal } from './chain-error.js'
import { bumpFees, type Fees, suggestFees } from './fees.js'
import type { Head, ServiceContext } from './service-context.js'
import type { Settlement } from './settle-transactions.js'

const FUNDS_RETRY_MS = 60_000
/** What a transfer of nothing to oneself costs. */
const TRANSFER_GAS = 21_000n

/** A transaction in its signed form. */
interface Form extends Fees {
  readonly nonce: number
  readonly raw: Hex
  readonly hash: Hex
}

/**
 * Sends what is open and not mined: new transactions, those that a node may have forgotten, and, with higher fees, those
 * that are stuck. Each form is stored before it is sent. Resolves with how many were sent.
 */
export async function sendTransactions(
  context: ServiceContext,
  head: Head,
  { open, minedCount }: Settlement,
): Promise<number> {
  const unmined = open.filter(({ nonce }) => nonce >= minedCount)
  if (unmined.length === 0 || context.now() < context.memory.fundsMissingUntil) return 0
  const suggested = await suggestFees(context, head)
  const payable = await takePayable(context, unmined, suggested)
  await fillGap(context, { lowest: unmined[0]?.nonce ?? minedCount, minedCount, suggested })

  const renewed = payable.flatMap((transaction, index) =>
    toNewFees(context, { transaction, isLowest: index === 0, suggested }),
  )
  const forms = await Promise.all(renewed.map(({ transaction, fees }) => signForm(context, transaction, fees)))
  const { chainId, sender, store, memory } = context
  if (forms.length > 0) await store.signTransactions({ chainId, sender, now: new Date(context.now()) }, forms)
  const signed = new Set(forms.map(({ nonce }) => nonce))
  const again = payable.flatMap(({ nonce, raw }) =>
    raw !== null && !signed.has(nonce) && isForgotten(context, nonce) ? [{ nonce, raw: raw as Hex }] : [],
  )
  const due = [...forms, ...again].sort((left, right) => left.nonce - right.nonce)
  for (const { nonce } of due) memory.sentAt.set(nonce, context.now())
  await Promise.all(due.map((form) => sendForm(context, form)))
  return due.length
}

/** The fees to sign the transaction with; empty where its newest form is good. */
function toNewFees(
  context: ServiceContext,
  { transaction, isLowest, suggested }: { transaction: ChainTransaction; isLowest: boolean; suggested: Fees },
): { transaction: ChainTransaction; fees: Fees }[] {
  const { nonce, raw, signedAt } = transaction
  if (raw === null || signedAt === null) return [{ transaction, fees: suggested }]
  const { memory, now, stuckAfterMs, maxFeePerGas, raiseOnce, measure } = context
  const isStuck = isLowest && now() - signedAt.getTime() >= stuckAfterMs
  if (!isStuck && !memory.underpriced.has(nonce)) return []
  memory.underpriced.delete(nonce)
  const fees = bumpFees(transaction, suggested, maxFeePerGas)
  if (fees === null) {
    raiseOnce({ kind: 'fee_limit_reached', nonce })
    return []
  }
  measure({ name: 'transaction_replaced' })
  return [{ transaction, fees }]
}

function isForgotten({ memory, now, resendAfterMs }: ServiceContext, nonce: number): boolean {
  const sentAt = memory.sentAt.get(nonce)
  return sentAt === undefined || now() - sentAt >= resendAfterMs
}

async function signForm(context: ServiceContext, transaction: ChainTransaction, fees: Fees): Promise<Form> {
  const { to, data, gas, nonce, caseId } = transaction
  const isGivenUp = isRefusedForGood(context, nonce)
  if (isGivenUp) context.raiseOnce({ kind: 'transaction_refused', caseId, nonce })
  const call = isGivenUp ? await toTransfer(context) : { to: to as Address, data: data as Hex, gas }
  const raw = await signRaw(context, { ...call, nonce }, fees)
  return { nonce, raw, hash: keccak256(raw), ...fees }
}

function signRaw(
  { chainId, issuer }: ServiceContext,
  request: { to: Address; data?: Hex; gas: bigint; nonce: number },
  { maxFeePerGas, maxPriorityFeePerGas, isLegacy }: Fees,
): Promise<Hex> {
  if (isLegacy) {
    return issuer.sender.signTransaction({ ...request, chainId, type: 'legacy', gasPrice: maxFeePerGas })
  }
  return issuer.sender.signTransaction({ ...request, chainId, type: 'eip1559', maxFeePerGas, maxPriorityFeePerGas })
}

/** What no node takes would hold up all that follows: a transfer of nothing has its nonce, and it is void then. */
function isRefusedForGood({ memory, now, stuckAfterMs }: ServiceContext, nonce: number): boolean {
  const since = memory.refusedSince.get(nonce)
  return since !== undefined && now() - since >= stuckAfterMs
}

/** A transfer of nothing to oneself. Rollups ask more gas for it than the main chain. */
async function toTransfer({ issuer: { client, sender } }: ServiceContext): Promise<{ to: Address; gas: bigint }> {
  const to = sender.address
  const gas = await client.estimateGas({ to, account: to }).catch(() => TRANSFER_GAS)
  return { to, gas }
}

/** Sends one form. What the node says is remembered; whether it is mined, the chain will show. */
async function sendForm(context: ServiceContext, { nonce, raw }: Pick<Form, 'nonce' | 'raw'>): Promise<void> {
  const { issuer, memory, logger, measure } = context
  try {
    await issuer.client.sendRawTransaction({ serializedTransaction: raw })
    memory.refusedSince.delete(nonce)
    logger.debug({ nonce }, 'transaction sent')
    measure({ name: 'transaction_sent' })
  } catch (error) {
    const refusal = toSendRefusal(error)
    if (refusal === 'known' || refusal === 'nonce_used') {
      memory.refusedSince.delete(nonce)
      return
    }
    if (refusal === 'refused' && !memory.refusedSince.has(nonce)) memory.refusedSince.set(nonce, context.now())
    if (refusal === 'underpriced') memory.underpriced.add(nonce)
    if (refusal === 'funds_missing') lackFunds(context, 0n)
    logger.warn({ nonce, refusal }, 'transaction not taken by the node: it is sent again')
  }
}

/** The transactions that the sender can pay for, the lowest nonces first. */
async function takePayable(
  context: ServiceContext,
  unmined: readonly ChainTransaction[],
  suggested: Fees,
): Promise<readonly ChainTransaction[]> {
  const { client, sender } = context.issuer
  const balance = await askChain(() => client.getBalance({ address: sender.address }))
  let needed = 0n
  const payable = unmined.filter(({ gas, maxFeePerGas }) => {
    needed += gas * (maxFeePerGas ?? suggested.maxFeePerGas)
    return needed <= balance
  })
  if (payable.length < unmined.length) lackFunds(context, needed - balance)
  else context.memory.fundsMissingUntil = 0
  return payable
}

/** Raises the alarm once for as long as funds are missing, and looks again after a while. */
function lackFunds({ memory, now, raise, sender }: ServiceContext, neededWei: bigint): void {
  if (memory.fundsMissingUntil === 0) raise({ kind: 'funds_missing', sender, neededWei })
  memory.fundsMissingUntil = now() + FUNDS_RETRY_MS
}

/**
 * A transaction whose nonce is above the next one waits for others that are not here: of another program with the same
 * key, or forgotten ones. After a while their place is taken by transfers of nothing.
 */
async function fillGap(
  context: ServiceContext,
  { lowest, minedCount, suggested }: { lowest: number; minedCount: number; suggested: Fees },
): Promise<void> {
  const { memory, now, stuckAfterMs, issuer, logger } = context
  if (lowest <= minedCount) {
    memory.gapSince = null
    return
  }
  memory.gapSince ??= now()
  if (now() - memory.gapSince < stuckAfterMs) return
  memory.gapSince = now()
  context.raise({ kind: 'nonce_gap', from: minedCount, to: lowest - 1 })
  const transfer = await toTransfer(context)
  for (let nonce = minedCount; nonce < lowest; nonce++) {
    const raw = await signRaw(context, { ...transfer, nonce }, suggested)
    await issuer.client.sendRawTransaction({ serializedTransaction: raw }).catch((error: unknown) => {
      logger.warn({ nonce, refusal: toSendRefusal(error) }, 'transfer of nothing not taken by the node')
    })
  }
}
