import { createClient, createPublicClient, createWalletClient, custom, http } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { base, celo, mainnet, zksync } from 'viem/chains'
import { expect, expectTypeOf, it } from 'vitest'
import { type ChainClient, toPublicClient } from '../src/chain-client.js'
import { createClaimIssuer } from '../src/claim-issuer.js'

const transport = http('http://127.0.0.1:1')
const ISSUER = '0x00000000000000000000000000000000000000c1'

it('takes clients of every chain, those of rollups too', () => {
  const account = privateKeyToAccount(generatePrivateKey())
  const pairs = [
    [createPublicClient({ chain: base, transport }), createWalletClient({ chain: base, account, transport })],
    [createPublicClient({ chain: celo, transport }), createWalletClient({ chain: celo, account, transport })],
    [createPublicClient({ chain: zksync, transport }), createWalletClient({ chain: zksync, account, transport })],
    [createPublicClient({ chain: mainnet, transport }), createWalletClient({ chain: mainnet, account, transport })],
    [createClient({ transport }), createWalletClient({ account, transport })],
  ] as const
  for (const [client, wallet] of pairs) {
    expectTypeOf(client).toExtend<ChainClient>()
    expect(createClaimIssuer({ client, wallet, issuer: ISSUER, topic: 1n }).sender).toBe(account)
  }
})

it('gives a bare client the actions that it lacks, and leaves another one as it is', async () => {
  const answering = custom({ request: async () => '0x7' })
  expect(await toPublicClient(createClient({ transport: answering })).getChainId()).toBe(7)
  const client = createPublicClient({ chain: base, transport: answering })
  expect(toPublicClient(client)).toBe(client)
})
