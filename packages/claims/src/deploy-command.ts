import { defineCommand } from 'citty'
import { type Address, createPublicClient, type Hex, http, isAddress, isHex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { type DeployOptions, deployContracts } from './deploy.js'
import { UsageError } from './usage.js'

/** Where commands read settings from. */
type Environment = Readonly<Record<string, string | undefined>>

const POLL_MS = 1000

/** The flags of `deploy`. The key is none of them: other users of the machine see the flags of a process. */
export const DEPLOY_ARGS = {
  'rpc-url': { type: 'string', description: 'The RPC endpoint (default: RPC_URL)', valueHint: 'URL' },
  'chain-id': { type: 'string', description: 'Refuse every other chain (default: none)', valueHint: 'NUMBER' },
  manager: {
    type: 'string',
    description: 'The worker’s wallet: manages the claim issuer, owns the factory (default: the deployer)',
    valueHint: 'ADDRESS',
  },
  signer: {
    type: 'string',
    description: 'Whose signature makes claims valid (default: the manager)',
    valueHint: 'ADDRESS',
  },
  topic: { type: 'string', description: 'What the claims are about (default: 1)', valueHint: 'NUMBER' },
  registry: { type: 'boolean', description: 'Deploy a registry of trusted issuers too, with this one in it' },
  out: {
    type: 'string',
    description:
      'The address file, which also continues an interrupted run (default: persona-kyc-claims.<chain id>.json)',
    valueHint: 'FILE',
  },
  confirmations: {
    type: 'string',
    description: 'Blocks that a transaction must be in (default: 1)',
    valueHint: 'NUMBER',
  },
} as const

/** Deploys what issuing claims needs. Reads RPC_URL and DEPLOYER_PRIVATE_KEY. */
export const deployCommand = defineCommand({
  meta: {
    name: 'persona-kyc-claims deploy',
    description: 'Deploys the contracts for claims, or goes on where it was interrupted (DEPLOYER_PRIVATE_KEY)',
  },
  args: DEPLOY_ARGS,
  async run({ args }) {
    const { sent, path } = await deployContracts({ ...toOptions(args, process.env), onLine: print })
    print(sent === 0 ? `Nothing to do: the chain is as ${path} says.` : `Done. The addresses are in ${path}.`)
    return 0
  },
})

type DeployFlags = { readonly [Name in keyof typeof DEPLOY_ARGS]?: string | boolean | undefined }

function toOptions(flags: DeployFlags, environment: Environment): DeployOptions {
  const url = flags['rpc-url'] ?? environment.RPC_URL
  const chainId = toNumber('--chain-id', flags['chain-id'])
  return {
    account: privateKeyToAccount(requireKey(environment)),
    client: createPublicClient({ transport: http(requireUrl(url)), pollingInterval: POLL_MS }),
    manager: toAddress('--manager', flags.manager),
    signer: toAddress('--signer', flags.signer),
    topic: toTopic(flags.topic),
    registry: flags.registry === true,
    chainId,
    file: typeof flags.out === 'string' ? flags.out : undefined,
    confirmations: toNumber('--confirmations', flags.confirmations),
  }
}

function requireUrl(url: unknown): string {
  if (typeof url === 'string' && /^https?:\/\//.test(url) && URL.canParse(url)) return url
  throw new UsageError('Say where the chain is: RPC_URL or --rpc-url, an http or https URL.')
}

/** Says nothing of what is there instead of a key. */
function requireKey({ DEPLOYER_PRIVATE_KEY: key = '' }: Environment): Hex {
  const digits = key.trim().replace(/^0x/, '')
  if (digits === '') throw new UsageError('DEPLOYER_PRIVATE_KEY is not set: the key of the wallet that deploys.')
  const hex: Hex = `0x${digits}`
  if (digits.length === 64 && isHex(hex) && BigInt(hex) > 0n && BigInt(hex) < CURVE_ORDER) return hex
  throw new UsageError('DEPLOYER_PRIVATE_KEY is no private key: 64 hexadecimal digits, with or without 0x.')
}

/** Of secp256k1 (SEC 2, section 2.4.1): keys are smaller. */
const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

function toAddress(flag: string, value: string | boolean | undefined): Address | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string' && isAddress(value)) return value
  throw new UsageError(
    `${flag} is no address: 0x and 40 hexadecimal digits. Where some are capital letters, check them for a typing error.`,
  )
}

function toTopic(value: string | boolean | undefined): bigint | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string' && /^(\d{1,78}|0x[0-9a-fA-F]{1,64})$/.test(value)) return BigInt(value)
  throw new UsageError('--topic must be a whole number, decimal or hexadecimal with 0x.')
}

function toNumber(flag: string, value: string | boolean | undefined): number | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string' && /^\d{1,15}$/.test(value)) return Number(value)
  throw new UsageError(`${flag} must be a whole number.`)
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
