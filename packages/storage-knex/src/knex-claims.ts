import type { ClaimStorage } from '@persona-kyc/core'
import * as transactions from './chain-transaction-statements.js'
import {
  type ChainTransactionRow,
  type ClaimRow,
  type ClaimWorkRow,
  fromChainTransactionRow,
  fromClaimRow,
  fromClaimWorkRow,
} from './claim-rows.js'
import * as statements from './claim-statements.js'
import type { Runner } from './run-statement.js'
import type { TableNames } from './schema.js'

/** Returns the part of the storage that is about claims on chain. */
export function createKnexClaims(tables: TableNames, { run, runCrossed }: Runner): ClaimStorage {
  return {
    async requestClaim(request) {
      return (await run(statements.requestClaim(tables), { ...request })).length > 0
    },
    async recallClaimRequest(caseId, dueAt) {
      return (await run(statements.recallClaimRequest(tables), { caseId, dueAt })).length > 0
    },
    async listDueClaims(query) {
      return (await run<ClaimWorkRow>(statements.listDueClaims(tables), { ...query })).map(fromClaimWorkRow)
    },
    async deferClaimRequest(caseId, { revision, recalls, dueAt, reason, attempts }) {
      const bindings = { caseId, revision, recalls, dueAt, reason, attempts }
      return (await run(statements.deferClaimRequest(tables), bindings)).length > 0
    },
    async addClaim(claim) {
      const [row] = await runCrossed<ClaimRow>(statements.addClaim(tables), { ...claim })
      return row === undefined ? null : fromClaimRow(row)
    },
    async moveClaim({ caseId, generation }, { from: [...from], to, txHash = null, supersededBy = null, now }) {
      const bindings = { caseId, generation, from: [...from], to, txHash, supersededBy, now }
      const [row] = await run<ClaimRow>(statements.moveClaim(tables), bindings)
      return row === undefined ? null : fromClaimRow(row)
    },
    async openTransactions(sender, wanted) {
      const given = wanted.map(({ claim, caseId, to, gas, purpose, data }) => ({
        purpose,
        data,
        case_id: caseId,
        generation: claim?.generation ?? null,
        claim_state: claim?.state ?? null,
        to_address: to,
        gas: String(gas),
      }))
      const bindings = { ...sender, given: toOrderedJson(given) }
      const rows = await runCrossed<ChainTransactionRow>(transactions.openTransactions(tables), bindings)
      return rows.map(fromChainTransactionRow)
    },
    async signTransactions(sender, forms) {
      const given = forms.map(({ maxFeePerGas, maxPriorityFeePerGas, ...form }) => ({
        ...form,
        max_fee: String(maxFeePerGas),
        max_priority_fee: String(maxPriorityFeePerGas),
      }))
      await run(transactions.signTransactions(tables), { ...sender, given: toOrderedJson(given) })
    },
    async closeTransactions(sender, ends) {
      await run(transactions.closeTransactions(tables), { ...sender, given: toOrderedJson(ends) })
    },
    async listOpenTransactions({ chainId, sender }) {
      const bindings = { chainId, sender }
      const rows = await run<ChainTransactionRow>(transactions.listOpenTransactions(tables), bindings)
      return rows.map(fromChainTransactionRow)
    },
  }
}

/** A whole batch as one value, in which each item knows its place. */
function toOrderedJson(items: readonly object[]): string {
  return JSON.stringify(items.map((item, place) => ({ ...item, place })))
}
