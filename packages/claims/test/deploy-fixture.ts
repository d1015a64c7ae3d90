import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LocalChain } from '@persona-kyc/testing/evm'
import { type Address, createPublicClient, custom, getContractAddress, type PublicClient } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { type AddressFile, parseAddressFile } from '../src/deploy/address-file.js'
import { createFileStore, type FileStore } from '../src/deploy/file-store.js'

/** What a process does to the world outside, and may be killed at. */
export type Operation = string

/** Called before and after each operation; throws to end the process there. */
export type Watch = (operation: Operation, moment: 'before' | 'after') => void

const POLL_MS = 5

/** A JSON-RPC call without anything of viem's between. */
export async function callChain(url: string, method: string, params: readonly unknown[] = []): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  })
  const answer = (await response.json()) as { result?: unknown; error?: { message: string; code: number } }
  if (answer.error !== undefined) throw Object.assign(new Error(answer.error.message), answer.error)
  return answer.result
}

/** A client that polls quickly, asks once, and tells of each call. */
export function createWatchedClient(url: string, watch: Watch = () => {}): PublicClient {
  const request = async ({ method, params }: { method: string; params?: readonly unknown[] }) => {
    watch(method, 'before')
    const answer = await callChain(url, method, params)
    watch(method, 'after')
    return answer
  }
  return createPublicClient({ transport: custom({ request }, { retryCount: 0 }), pollingInterval: POLL_MS })
}

/** The real store, which tells of each write. */
export function createWatchedStore(path: string, watch: Watch = () => {}): FileStore {
  const store = createFileStore(path)
  return {
    ...store,
    async create(text) {
      watch('create', 'before')
      const isNew = await store.create(text)
      watch('create', 'after')
      return isNew
    },
    async replace(text) {
      watch('replace', 'before')
      await store.replace(text)
      watch('replace', 'after')
    },
  }
}

/** Returns the account of that number on the local chain. */
export function accountOf({ accounts }: LocalChain, index: number) {
  const account = accounts[index]
  if (account === undefined) throw new Error('The chain has ten accounts.')
  return privateKeyToAccount(account.privateKey)
}

/** Resolves with the addresses of all contracts that the account has ever made. */
export async function listContracts(client: PublicClient, from: Address): Promise<Address[]> {
  const count = await client.getTransactionCount({ address: from })
  const addresses = Array.from({ length: count }, (_, nonce) => getContractAddress({ from, nonce: BigInt(nonce) }))
  const codes = await Promise.all(addresses.map((address) => client.getCode({ address })))
  return addresses.filter((_, index) => codes[index] !== undefined && codes[index] !== '0x')
}

/** Resolves with what the address file says. */
export async function readAddressFile(path: string): Promise<AddressFile> {
  return parseAddressFile(await readFile(path, 'utf8'), path)
}

/** The path of a file that is not there. */
export function newFile(directory: string): string {
  return join(directory, `${crypto.randomUUID()}.json`)
}
