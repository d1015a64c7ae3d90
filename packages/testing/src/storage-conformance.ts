import { describe, it } from 'vitest'
import { auditEntryCases } from './storage-conformance/audit-entries.js'
import { auditTrailCases } from './storage-conformance/audit-trail.js'
import { caseCreationCases } from './storage-conformance/case-creation.js'
import { caseListCases } from './storage-conformance/case-lists.js'
import { chainClaimCases } from './storage-conformance/chain-claims.js'
import { chainTransactionRaceCases } from './storage-conformance/chain-transaction-races.js'
import { chainTransactionCases } from './storage-conformance/chain-transactions.js'
import { claimRequestCases } from './storage-conformance/claim-requests.js'
import { claimCases } from './storage-conformance/claims.js'
import type { ConformanceCase, StorageHarness } from './storage-conformance/conformance-case.js'
import { consumerCases } from './storage-conformance/consumers.js'
import { erasureCases } from './storage-conformance/erasure.js'
import { eventMatchingCases } from './storage-conformance/event-matching.js'
import { eventOrderCases } from './storage-conformance/event-order.js'
import { eventCases } from './storage-conformance/events.js'
import { feedCases } from './storage-conformance/feed.js'
import { historyCases } from './storage-conformance/histories.js'
import { initiationCases } from './storage-conformance/initiation.js'
import { inquiryCases } from './storage-conformance/inquiries.js'
import { isolationCases } from './storage-conformance/isolation.js'
import { oddTextCases } from './storage-conformance/odd-texts.js'
import { reopeningCases } from './storage-conformance/reopening.js'
import { sessionCases } from './storage-conformance/sessions.js'
import { signedTransactionCases } from './storage-conformance/signed-transactions.js'
import { storedValueCases } from './storage-conformance/stored-values.js'
import { transactionCases } from './storage-conformance/transactions.js'
import { transitionCases } from './storage-conformance/transitions.js'

export type { ConformanceCase, StorageHarness, StorageTransaction } from './storage-conformance/conformance-case.js'

const TIMEOUT_MS = 60_000

/**
 * Registers vitest tests which check a KycStorage against the contract: what it stores, whom it lets win, and that
 * concurrent callers, shuffled events and followers of the feed end where they must.
 */
export function describeStorage(name: string, harness: StorageHarness): void {
  describe(name, () => {
    for (const { name: sentence, needsTransaction, run } of storageConformance) {
      if (needsTransaction && harness.beginTransaction === undefined) {
        it.skip(`${sentence} (skipped: the harness has no beginTransaction)`, () => run(harness))
      } else {
        it(sentence, { timeout: TIMEOUT_MS }, () => run(harness))
      }
    }
  })
}

/** The whole suite, for who would rather run its cases one by one. */
export const storageConformance: readonly ConformanceCase[] = [
  ...storedValueCases,
  ...oddTextCases,
  ...caseCreationCases,
  ...caseListCases,
  ...initiationCases,
  ...inquiryCases,
  ...sessionCases,
  ...claimCases,
  ...erasureCases,
  ...eventCases,
  ...eventOrderCases,
  ...eventMatchingCases,
  ...reopeningCases,
  ...transitionCases,
  ...auditTrailCases,
  ...feedCases,
  ...consumerCases,
  ...claimRequestCases,
  ...chainClaimCases,
  ...chainTransactionCases,
  ...chainTransactionRaceCases,
  ...signedTransactionCases,
  ...auditEntryCases,
  ...isolationCases,
  ...transactionCases,
  ...historyCases,
]
