import { isKycError } from './errors.js'
import { attach, isUsable, LEASE_MS } from './initiation.js'
import type { Inquiry } from './inquiry.js'
import type { Run } from './reconcile.js'
import { recordSnapshot } from './snapshot.js'
import type { KycCase, UnsettledCaseQuery } from './storage.js'

/** As many as Persona takes in one filter, and gives in one page. */
const BATCH_SIZE = 100
const COUNTING_PAGE_SIZE = 500

/** Asks about each unsettled case, a hundred with one call. */
export async function reconcileCases(run: Run): Promise<void> {
  const { context, report } = run
  const now = context.now()
  const window = { createdSince: new Date(now - run.maxAgeMs), quietSince: new Date(now - run.quietMs) }
  const total = run.isWatched ? await count(run, window) : null
  const started: KycCase[] = []
  const interrupted: KycCase[] = []
  const settle = async (batch: KycCase[], work: (run: Run, cases: readonly KycCase[]) => Promise<void>) => {
    const cases = batch.splice(0, BATCH_SIZE)
    await work(run, cases)
    report.casesChecked += cases.length
    run.progress({ phase: 'cases', done: report.casesChecked, total })
  }

  let after: string | null = null
  do {
    const page: Awaited<ReturnType<typeof context.storage.listUnsettledCases>> =
      await context.storage.listUnsettledCases({ ...window, after, limit: BATCH_SIZE })
    for (const kycCase of page.items) {
      if (kycCase.personaInquiryId !== null) started.push(kycCase)
      else if (kycCase.status === 'pending') interrupted.push(kycCase)
    }
    if (started.length >= BATCH_SIZE) await settle(started, applyInquiries)
    if (interrupted.length >= BATCH_SIZE) await settle(interrupted, adoptInquiries)
    after = page.next
  } while (after !== null)
  if (started.length > 0) await settle(started, applyInquiries)
  if (interrupted.length > 0) await settle(interrupted, adoptInquiries)
}

async function count({ context }: Run, window: Pick<UnsettledCaseQuery, 'createdSince' | 'quietSince'>) {
  let total = 0
  let after: string | null = null
  do {
    const page: Awaited<ReturnType<typeof context.storage.listUnsettledCases>> =
      await context.storage.listUnsettledCases({ ...window, after, limit: COUNTING_PAGE_SIZE })
    total += page.items.length
    after = page.next
  } while (after !== null)
  return total
}

/** Applies what Persona says about the cases' inquiries. */
async function applyInquiries(run: Run, cases: readonly KycCase[]): Promise<void> {
  const { context, report } = run
  const inquiryIds = cases.flatMap(({ personaInquiryId }) => personaInquiryId ?? [])
  const inquiries = await listInquiries(run, { inquiryIds })
  for (const inquiry of inquiries) run.note(await recordSnapshot(context, inquiry, 'reconcile'))
  report.inquiriesMissing += inquiryIds.length - inquiries.length
}

/** Gives the inquiries that interrupted initiations have left at Persona to their cases, which they name. */
async function adoptInquiries(run: Run, cases: readonly KycCase[]): Promise<void> {
  const { context, report } = run
  const inquiries = await listInquiries(run, { referenceId: cases.map(({ id }) => id).join(',') })
  for (const kycCase of cases) {
    const inquiry = inquiries.find(
      (candidate) => candidate.attributes.referenceId === kycCase.id && isUsable(candidate, context.templateId),
    )
    if (inquiry !== undefined && (await adoptUnlessUnderWay(run, kycCase, inquiry))) report.inquiriesAdopted += 1
  }
}

/** Whoever just creates the inquiry finishes by itself. */
async function adoptUnlessUnderWay(run: Run, { id }: KycCase, inquiry: Inquiry): Promise<boolean> {
  const { storage, now } = run.context
  const until = new Date(now() + LEASE_MS)
  const leased = await storage.leaseInitiation(id, { currentInquiryId: null, now: new Date(now()), until })
  if (leased === null) return false
  const attached = await attach(run.context, leased, { inquiry, sessionToken: null, replaces: null }).catch(toErased)
  if (attached?.personaInquiryId !== inquiry.id) return false
  run.note(await recordSnapshot(run.context, inquiry, 'reconcile'))
  return true
}

/** The case may have been erased meanwhile; then the inquiry is redacted already. */
function toErased(error: unknown): null {
  if (isKycError(error) && error.code === 'case_erased') return null
  throw error
}

/** All inquiries that the filter finds, newest first. */
async function listInquiries(
  run: Run,
  filter: { readonly inquiryIds?: readonly string[]; readonly referenceId?: string },
): Promise<Inquiry[]> {
  const found: Inquiry[] = []
  let after: string | undefined
  do {
    const { items, next } = await run.ask((signal) =>
      run.context.persona.inquiries.listPage({ ...filter, pageSize: BATCH_SIZE, after, signal }),
    )
    found.push(...items)
    after = next ?? undefined
  } while (after !== undefined)
  return found
}
