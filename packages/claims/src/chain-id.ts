import type { PublicClient, WalletClient } from 'viem'
import { askChain, chainMismatch } from './chain-error.js'

/** Asks two clients which chain they serve. */
export interface ChainIdCheck {
  /** Resolves with the chain's id, which is asked for once. */
  chainId(): Promise<number>
  /** Asks again. Rejects with `chain_mismatch` where it is another chain than the first time. */
  requireSame(): Promise<void>
}

/**
 * Returns the check. Its methods reject with `chain_mismatch` where the clients serve different chains, or another one
 * than they are set up for.
 */
export function createChainIdCheck(client: PublicClient, wallet: WalletClient): ChainIdCheck {
  let checked: Promise<number> | undefined
  const check = async () => {
    const [chainId, ofWallet] = await askChain(() => Promise.all([client.getChainId(), wallet.getChainId()]))
    const expected = [client.chain?.id, wallet.chain?.id].filter((id) => id !== undefined)
    if (chainId !== ofWallet || expected.some((id) => id !== chainId)) throw chainMismatch()
    return chainId
  }
  const chainId = () => {
    checked ??= check().catch((error: unknown) => {
      checked = undefined
      throw error
    })
    return checked
  }
  return {
    chainId,
    async requireSame() {
      if ((await check()) !== (await chainId())) throw chainMismatch()
    },
  }
}
