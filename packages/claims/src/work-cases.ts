import { type ClaimWork, isKycError, type NewChainTransaction, type StoredClaim, toLogFields } from '@persona-kyc/core'
import { park, type Step, wait } from './case-step.js'
import { askChain } from './chain-error.js'
import { stepIssue, withdraw } from './issue-step.js'
import { LOOKS_BEFORE_BELIEVING, stepPrepare } from './prepare-step.js'
import { stepRevoke } from './revoke-step.js'
import type { Head, ServiceContext } from './service-context.js'

/** Failures that say nothing about the case: it is tried again soon, as often as it takes. */
const PASSING = new Set(['chain_unreachable', 'storage_unavailable', 'kyc_api_unreachable'])
/** A transaction's end makes its case due. This is for an end that was missed. */
const RECHECK_MS = 60_000
/** How often a contract may refuse before somebody is told. */
const REFUSALS_BEFORE_ALARM = 3

/** Works on the cases that are due, and gives nonces to what is to be sent. Resolves with how many cases moved. */
export async function workCases(context: ServiceContext, head: Head, budget: number): Promise<number> {
  const { store, batchSize, now } = context
  if (budget <= 0) return 0
  const due = await store.listDueClaims({ now: new Date(now()), limit: Math.min(batchSize, budget) })
  const steps = await Promise.all(due.map(async (work) => ({ work, step: await look(context, work, head) })))
  const looks = keepWithin(budget, steps)
  await open(context, looks)
  const moved = await Promise.all(looks.map(({ work, step }) => note(context, work, step)))
  return moved.filter(Boolean).length
}

type Look = { readonly work: ClaimWork; readonly step: Step }

/** Takes a step. What goes wrong with one case holds up no other. */
async function look(context: ServiceContext, work: ClaimWork, head: Head): Promise<Step> {
  try {
    return await takeStep(context, work, head)
  } catch (error) {
    const { caseId, attempts } = work.request
    const reason = isKycError(error) ? error.code : 'failed'
    context.logger.warn({ caseId, attempts, ...toLogFields(error) }, 'case not moved: it is tried again')
    if (reason === 'chain_refused' && attempts + 1 >= REFUSALS_BEFORE_ALARM) {
      context.raiseOnce({ kind: 'claim_refused', caseId, attempts: attempts + 1 })
    }
    return { kind: 'wait', reason, isProblem: !PASSING.has(reason) }
  }
}

async function takeStep(context: ServiceContext, work: ClaimWork, head: Head): Promise<Step> {
  const { request, claims } = work
  const stored = claims.find(({ state }) => state !== 'revoked')
  if (stored === undefined)
    return request.wantsClaim ? stepPrepare(context, work, head) : { kind: 'settled', reason: null }
  if (stored.chainId !== context.chainId) return keepForOthers(context, stored)
  if (stored.state === 'revoking') return stepRevoke(context, { work, stored, head })
  if (!request.wantsClaim) return withdraw(context, stored)
  if (stored.claimId !== context.issuer.claimId) return keepForOthers(context, stored)
  return stored.state === 'issued' ? stepRecheck(context, work, stored) : stepIssue(context, { work, stored, head })
}

/** A claim of another issuer or topic is kept for as long as its case is verified; one of another chain is that chain's. */
function keepForOthers({ raiseOnce }: ServiceContext, { caseId }: StoredClaim): Step {
  raiseOnce({ kind: 'other_issuer', caseId })
  return park('other_issuer')
}

/** A source that does not tell of every change is asked now and then whether the case is still verified. */
async function stepRecheck(context: ServiceContext, { request }: ClaimWork, stored: StoredClaim): Promise<Step> {
  if (context.source.recheckMs === undefined) return { kind: 'settled', reason: null }
  const kycCase = await context.source.readCase(stored.caseId)
  if (kycCase === null && request.attempts < LOOKS_BEFORE_BELIEVING) return park('case_not_visible')
  if (kycCase !== null && kycCase.revision < request.revision) return wait('source_lags')
  return kycCase?.verifiedAt ? { kind: 'settled', reason: null } : withdraw(context, stored)
}

/** What does not fit in comes later. A case whose transactions fit in only just has them all. */
function keepWithin(budget: number, looks: readonly Look[]): readonly Look[] {
  let left = budget
  return looks.map(({ work, step }) => {
    const { length = 0 } = step.kind === 'sent' ? step.transactions : []
    if (length > 0 && left <= 0) return { work, step: wait('busy') }
    left -= length
    return { work, step }
  })
}

async function open(context: ServiceContext, looks: readonly Look[]): Promise<void> {
  const wanted: NewChainTransaction[] = looks.flatMap(({ step }) => (step.kind === 'sent' ? step.transactions : []))
  if (wanted.length === 0) return
  const { issuer, store, chainId, sender, now } = context
  const { client } = issuer
  const { address } = issuer.sender
  const chainNonce = await askChain(() => client.getTransactionCount({ address, blockTag: 'pending' }))
  await store.openTransactions({ chainId, sender, chainNonce, now: new Date(now()) }, wanted)
}

/** Stores when to look at the case next. */
async function note(context: ServiceContext, { request }: ClaimWork, step: Step): Promise<boolean> {
  if (step.kind === 'again') return true
  const { store, now, measure } = context
  const { caseId, revision, recalls } = request
  const attempts = toAttempts(request, step)
  const delayMs = toDelayMs(context, step, attempts)
  const dueAt = delayMs === null ? null : new Date(now() + delayMs)
  const reason = step.kind === 'sent' ? 'sent' : step.reason
  if (step.kind === 'wait' && step.isProblem) measure({ name: 'case_parked', reason: step.reason })
  await store.deferClaimRequest(caseId, { revision, recalls, dueAt, reason, attempts })
  return step.kind !== 'wait'
}

/** What was sent may yet come to nothing: only a settled case starts anew. */
function toAttempts({ attempts }: ClaimWork['request'], step: Step): number {
  if (step.kind === 'settled') return 0
  return step.kind === 'wait' && step.isProblem ? attempts + 1 : attempts
}

function toDelayMs(
  { pollMs, parkedMs, maxParkedMs, source }: ServiceContext,
  step: Step,
  attempts: number,
): number | null {
  if (step.kind === 'settled') return step.reason === null ? (source.recheckMs ?? null) : null
  if (step.kind === 'sent') return RECHECK_MS
  if (step.kind === 'again') return 0
  return step.isProblem ? Math.min(maxParkedMs, parkedMs * 2 ** Math.min(attempts - 1, 30)) : pollMs
}
