import { readFile } from 'node:fs/promises'
import type { Hash, Hex } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ContractCall, toAddClaimCall, toRemoveCall, toRevokeCall } from '../src/calls.js'
import { type ClaimIssuer, createClaimIssuer } from '../src/claim-issuer.js'
import { createIdentityFactory } from '../src/identities.js'
import { toSignatureEncodings } from '../src/signature-encodings.js'
import { SKIPPED, startTestChain, type TestChain } from './local-chain.js'

const GUIDE = new URL('../../../docs/identity-service.md', import.meta.url)

describe.skipIf(SKIPPED !== null)(`gas${SKIPPED === null ? '' : ` (${SKIPPED})`}`, () => {
  let chain: TestChain
  let issuer: ClaimIssuer
  beforeAll(async () => {
    chain = await startTestChain()
    issuer = createClaimIssuer({ ...chain, topic: 1n, confirmations: 1 })
  })
  afterAll(() => chain.local.stop())

  const spend = async (call: ContractCall): Promise<number> => {
    const hash: Hash = await chain.wallet.sendTransaction({
      ...call,
      account: chain.owner,
      chain: chain.client.chain ?? null,
    })
    const { gasUsed, status } = await chain.client.waitForTransactionReceipt({ hash })
    expect(status).toBe('success')
    return Number(gasUsed)
  }

  it('is used as the guide says, within 2 %', async () => {
    const factory = createIdentityFactory({ ...chain, owner: chain.owner.address })
    const wallet = chain.account(5).address
    const identity = await factory.predict(wallet)
    const input = { identity, caseId: crypto.randomUUID(), verifiedAt: new Date(), level: 1 }
    const used: Record<string, number> = {}
    used['create an identity'] = await spend(await factory.toCreateCall(wallet))
    const first = await issuer.sign(input)
    used['issue a claim'] = await spend(toAddClaimCall(first))
    const encodings = toSignatureEncodings(first.signature)
    const revocations: number[] = []
    for (const encoding of encodings) revocations.push(await spend(toRevokeCall(chain.issuer, encoding as Hex)))
    used['revoke one encoding of a signature'] = Math.max(...revocations)
    used['remove the claim from its identity'] = await spend(toRemoveCall(identity, issuer.claimId))
    used['issue a claim again, after removal'] = await spend(
      toAddClaimCall(await issuer.sign({ ...input, generation: 2 })),
    )
    used['take back a claim (four revocations and the removal)'] =
      revocations.reduce((sum, gas) => sum + gas, 0) + Number(used['remove the claim from its identity'])
    const told = readTable(await readFile(GUIDE, 'utf8'))
    for (const [operation, gas] of Object.entries(used)) {
      expect(
        Math.abs(Number(told[operation]) / gas - 1),
        `${operation}: ${gas}, the guide says ${told[operation]}`,
      ).toBeLessThan(0.02)
    }
  })
})

/** The rows of the guide's table of gas: the operation, and the figure. */
function readTable(markdown: string): Record<string, number> {
  const rows = [...markdown.matchAll(/^\| ([a-z][^|]+?) \| ([\d,]+) \|/gm)]
  return Object.fromEntries(rows.map(([, operation = '', gas = '']) => [operation, Number(gas.replaceAll(',', ''))]))
}
