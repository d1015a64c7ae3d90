import { EnvironmentError } from '@persona-kyc/example-service'
import { isAddress, type LocalAccount } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import type { ChainConfiguration } from './configuration.js'
import { importDefault } from './module.js'

const VARIABLE = 'ISSUER_ACCOUNT_MODULE'

/**
 * Resolves with the account that signs and sends: of the key, or what the module's default export is or resolves with.
 * Rejects with an EnvironmentError where that is no account of viem's that signs.
 */
export async function loadAccount(account: ChainConfiguration['account']): Promise<LocalAccount> {
  if ('privateKey' in account) return privateKeyToAccount(account.privateKey)
  const exported = await importDefault({ variable: VARIABLE, path: account.module })
  const found = typeof exported === 'function' ? await call(exported as () => unknown) : exported
  if (isLocalAccount(found)) return found
  throw new EnvironmentError([
    `${VARIABLE}: the default export must be an account that viem’s toAccount makes, or an async function that returns one`,
  ])
}

async function call(create: () => unknown): Promise<unknown> {
  try {
    return await create()
  } catch (error) {
    const name = error instanceof Error ? error.name : typeof error
    throw new EnvironmentError([`${VARIABLE}: the default export failed (${name}). Call it by itself to see why`])
  }
}

function isLocalAccount(value: unknown): value is LocalAccount {
  if (typeof value !== 'object' || value === null) return false
  const { type, address, signMessage, signTransaction } = value as Partial<LocalAccount>
  const signs = typeof signMessage === 'function' && typeof signTransaction === 'function'
  return type === 'local' && signs && typeof address === 'string' && isAddress(address)
}
