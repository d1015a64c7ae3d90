import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { deployContracts, type FileStore } from '@persona-kyc/claims/deploy'
import { type LocalChain, startLocalChain } from '@persona-kyc/testing/evm'
import { createPublicClient, http } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import type { ChainAccess } from './chain.js'
import { startKeptChain } from './kept-chain.js'
import { mineOnDemand } from './mine-on-demand.js'

/** Options of {@link startLocalDeployment}. */
export interface LocalDeploymentOptions {
  /** Where the chain and the addresses are kept, by one process at a time; null for a chain that is gone afterwards. */
  readonly directory: string | null
  /** How many blocks a transaction gets, its own included. */
  readonly confirmations: number
  /** How often a block is mined on top of it, in milliseconds. Default 1,000. */
  readonly mineEveryMs?: number | undefined
  /** Gets one line for each contract. */
  readonly onLine?: ((line: string) => void) | undefined
}

/** A chain of our own, with the contracts that claims need. Its account manages all of them. */
export interface LocalDeployment extends ChainAccess {
  readonly url: string
  readonly chainId: number
  close(): Promise<void>
}

/** Starts a local EVM, or goes on with the one in the directory, and deploys ONCHAINID's contracts where they are missing. */
export async function startLocalDeployment(options: LocalDeploymentOptions): Promise<LocalDeployment> {
  const { directory, confirmations, mineEveryMs: everyMs = 1000, onLine } = options
  const chain = await startChain(directory)
  const { url, chainId } = chain
  try {
    const account = privateKeyToAccount(chain.accounts[0]?.privateKey ?? '0x')
    const client = createPublicClient({ transport: http(url), pollingInterval: 50, cacheTime: 0 })
    const file = directory === null ? createMemoryFile() : toAddressPath(directory)
    const { claimIssuer, identityFactory } = await deployContracts({ client, account, file, chainId, onLine })
    const stopMining = await mineOnDemand({ url, confirmations, everyMs })
    const close = async () => {
      await stopMining()
      await chain.stop()
    }
    return { url, rpcUrls: [url], witnessUrls: [], chainId, account, claimIssuer, identityFactory, close }
  } catch (error) {
    await chain.stop()
    throw error
  }
}

async function startChain(directory: string | null): Promise<LocalChain> {
  if (directory === null) return startLocalChain()
  const { chain, isNew } = await startKeptChain(directory)
  // The addresses of a chain whose state was never written are worth nothing.
  if (isNew) await rm(toAddressPath(directory), { force: true })
  return chain
}

function toAddressPath(directory: string): string {
  return join(directory, 'addresses.json')
}

function createMemoryFile(): FileStore {
  let content: string | null = null
  return {
    path: 'the list of addresses',
    read: async () => content,
    async create(text) {
      content = text
      return true
    },
    async replace(text) {
      content = text
    },
  }
}
