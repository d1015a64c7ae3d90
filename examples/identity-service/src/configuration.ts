import {
  databaseVariables,
  type Environment,
  findDatabaseMistakes,
  type LogLevel,
  logLevelVariable,
  parseEnvironment,
} from '@persona-kyc/example-service'
import { type Address, type Hex, isAddress, parseGwei } from 'viem'
import { z } from 'zod'

/** What the worker is told by its environment. */
export interface WorkerConfiguration {
  /** Null: a local chain is started. */
  readonly chain: ChainConfiguration | null
  readonly terms: ClaimTerms
  /** The most that is ever paid for a unit of gas, in wei; null for the library's own limit. */
  readonly maxFeePerGas: bigint | null
  /** Where cases come from over HTTP; null for the feed of the database. */
  readonly api: ApiConfiguration | null
  /** The ES module that says whose wallet a user has; null for made-up wallets, on the local chain only. */
  readonly walletsModule: string | null
  /** Null: an embedded PostgreSQL is started. */
  readonly databaseUrl: string | null
  /** Whose role owns the tables and migrates them; null for that of databaseUrl. */
  readonly migrationDatabaseUrl: string | null
  /** Where the local chain and the embedded PostgreSQL keep their data. */
  readonly dataDirectory: string
  /** How long a dead worker keeps the others waiting. */
  readonly leaseSeconds: number
  readonly logLevel: LogLevel
}

/** Where the chain is, and who issues on it. */
export interface ChainConfiguration {
  /** One, or several of which each stands in for those before it. */
  readonly rpcUrls: readonly string[]
  readonly witnessUrls: readonly string[]
  /** Null: whatever chain the endpoints serve is the one that is meant. */
  readonly chainId: number | null
  readonly account: { readonly privateKey: Hex } | { readonly module: string }
  readonly claimIssuer: Address
  /** Null: every user brings an identity. */
  readonly identityFactory: Address | null
}

/** What the claims say, and when they count. */
export interface ClaimTerms {
  readonly topic: bigint
  readonly level: number
  /** Null: without end. */
  readonly validForSeconds: number | null
  readonly confirmations: number
}

/** How the routes of a KYC service are reached. */
export interface ApiConfiguration {
  readonly url: string
  readonly token: string
  /** Whether the token may travel in clear. */
  readonly allowHttp: boolean
  readonly pollSeconds: number
}

/** Of secp256k1 (SEC 2, section 2.4.1): keys are smaller. */
const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
/** On the local chain nothing is ever taken back. */
const LOCAL_CONFIRMATIONS = 2
const CONFIRMATIONS = 13

const variables = z.object({
  RPC_URL: urlsVariable('RPC_URL'),
  WITNESS_RPC_URLS: urlsVariable('WITNESS_RPC_URLS'),
  CHAIN_ID: numberVariable('CHAIN_ID', 'the number of a chain, for example 1', { least: 1 }).optional(),
  ISSUER_PRIVATE_KEY: z
    .string()
    .refine(isPrivateKey, 'ISSUER_PRIVATE_KEY must be 0x and 64 hexadecimal digits')
    .transform((key) => key as Hex)
    .optional(),
  ISSUER_ACCOUNT_MODULE: z.string().optional(),
  CLAIM_ISSUER_ADDRESS: addressVariable('CLAIM_ISSUER_ADDRESS').optional(),
  IDENTITY_FACTORY_ADDRESS: addressVariable('IDENTITY_FACTORY_ADDRESS').optional(),
  CLAIM_TOPIC: z
    .string()
    .regex(/^(\d{1,77}|0x[0-9a-fA-F]{1,64})$/, 'CLAIM_TOPIC must be a whole number from 1, decimal or with 0x')
    .transform(BigInt)
    .refine((topic) => topic > 0n, 'CLAIM_TOPIC must be a whole number from 1, decimal or with 0x')
    .default(1n),
  CLAIM_LEVEL: numberVariable('CLAIM_LEVEL', 'a whole number of your own, for example 1', { least: 0 }).default(1),
  CLAIM_VALID_FOR_SECONDS: numberVariable('CLAIM_VALID_FOR_SECONDS', 'a whole number of seconds from 1', {
    least: 1,
  }).optional(),
  CONFIRMATIONS: numberVariable('CONFIRMATIONS', 'a whole number of blocks from 1', { least: 1 }).optional(),
  MAX_FEE_GWEI: z
    .string()
    .regex(/^\d{1,9}(\.\d{1,9})?$/, 'MAX_FEE_GWEI must be a number of gwei, for example 100')
    .transform((gwei) => parseGwei(gwei))
    .refine((wei) => wei > 0n, 'MAX_FEE_GWEI must be more than 0')
    .optional(),
  KYC_API_URL: z
    .url({ protocol: /^https?$/, error: 'KYC_API_URL must be a URL, for example https://kyc.example.com' })
    .optional(),
  KYC_API_TOKEN: z
    .string()
    .regex(
      /^[\x21-\x7e]{16,}$/,
      'KYC_API_TOKEN must be the IDENTITY_SERVICE_TOKEN of the KYC service: 16 characters of ASCII or more, and no space',
    )
    .optional(),
  KYC_API_ALLOW_HTTP: z.enum(['true', 'false'], 'KYC_API_ALLOW_HTTP must be true or false').default('false'),
  KYC_API_POLL_SECONDS: numberVariable('KYC_API_POLL_SECONDS', 'a whole number of seconds from 1', {
    least: 1,
  }).default(5),
  USER_WALLETS_MODULE: z.string().optional(),
  ...databaseVariables,
  KYC_DATA_DIR: z.string().default('.persona-kyc/identity-service'),
  LEASE_SECONDS: numberVariable('LEASE_SECONDS', 'a whole number of seconds from 1', { least: 1 }).default(30),
  LOG_LEVEL: logLevelVariable,
})

type Variables = z.infer<typeof variables>

/**
 * Reads the environment of the worker. An empty variable counts as one that is not set.
 *
 * @throws EnvironmentError that names each variable that is missing, malformed or contradicts another.
 */
export function readWorkerConfiguration(environment: Environment): WorkerConfiguration {
  return toConfiguration(
    parseEnvironment(variables, environment, (given) => [
      ...findChainMistakes(given),
      ...findDatabaseMistakes(given),
      ...findApiMistakes(given),
      ...findProductionMistakes(given),
    ]),
  )
}

/** With one of them, it is not the local chain that is meant. */
const CHAIN_VARIABLES = [
  'RPC_URL',
  'WITNESS_RPC_URLS',
  'CHAIN_ID',
  'ISSUER_PRIVATE_KEY',
  'ISSUER_ACCOUNT_MODULE',
  'CLAIM_ISSUER_ADDRESS',
  'IDENTITY_FACTORY_ADDRESS',
]

function findChainMistakes(given: Environment): string[] {
  const [first] = CHAIN_VARIABLES.filter((name) => given[name] !== undefined)
  if (first === undefined) return []
  const missing = (name: string, fix: string) =>
    given[name] === undefined ? [`${name} is not set, but ${first} is: ${fix}`] : []
  return [
    ...missing('RPC_URL', 'give the URL of an RPC endpoint, or leave both out for a local chain'),
    ...findAccountMistakes(given, first),
    ...missing('CLAIM_ISSUER_ADDRESS', 'npx persona-kyc-claims deploy writes it into its address file'),
    ...missing('USER_WALLETS_MODULE', 'name the ES module that says which wallet a user has'),
  ]
}

function findAccountMistakes(given: Environment, first: string): string[] {
  const { ISSUER_PRIVATE_KEY: key, ISSUER_ACCOUNT_MODULE: module } = given
  if (key !== undefined && module !== undefined) {
    return ['ISSUER_PRIVATE_KEY and ISSUER_ACCOUNT_MODULE are both set: leave one of them out']
  }
  if (key !== undefined || module !== undefined) return []
  return [`ISSUER_PRIVATE_KEY is not set, but ${first} is: set it, or ISSUER_ACCOUNT_MODULE for an account in a KMS`]
}

function findApiMistakes({ KYC_API_URL: url, KYC_API_TOKEN: token, ...given }: Environment): string[] {
  return [
    ...(url !== undefined && token === undefined
      ? ['KYC_API_TOKEN is not set, but KYC_API_URL is: give the IDENTITY_SERVICE_TOKEN of the KYC service']
      : []),
    ...(url === undefined && token !== undefined
      ? [
          'KYC_API_URL is not set, but KYC_API_TOKEN is: give the URL of the KYC service, for example https://kyc.example.com',
        ]
      : []),
    ...(isInClear(url) && given.KYC_API_ALLOW_HTTP !== 'true'
      ? [
          'KYC_API_URL is http, so that the token would travel in clear: use https, or set KYC_API_ALLOW_HTTP=true where the network between is trusted',
        ]
      : []),
    ...(url === undefined && given.KYC_API_POLL_SECONDS !== undefined
      ? ['KYC_API_POLL_SECONDS is set, but KYC_API_URL is not: without it the feed of the database is followed']
      : []),
  ]
}

function isInClear(url: string | undefined): boolean {
  return /^http:/i.test(url ?? '') && !/^http:\/\/(localhost|127\.[\d.]+|\[::1\])(:\d+)?(\/|$)/i.test(url ?? '')
}

function findProductionMistakes(given: Environment): string[] {
  if (given.NODE_ENV !== 'production') return []
  const hasChain = CHAIN_VARIABLES.some((name) => given[name] !== undefined)
  return [
    ...(hasChain ? [] : ['RPC_URL is not set: the local chain is not for production']),
    ...(given.DATABASE_URL === undefined
      ? ['DATABASE_URL is not set: the embedded PostgreSQL is not for production']
      : []),
  ]
}

function toConfiguration(env: Variables): WorkerConfiguration {
  const chain = toChain(env)
  return {
    chain,
    terms: {
      topic: env.CLAIM_TOPIC,
      level: env.CLAIM_LEVEL,
      validForSeconds: env.CLAIM_VALID_FOR_SECONDS ?? null,
      confirmations: env.CONFIRMATIONS ?? (chain === null ? LOCAL_CONFIRMATIONS : CONFIRMATIONS),
    },
    maxFeePerGas: env.MAX_FEE_GWEI ?? null,
    api: toApi(env),
    walletsModule: env.USER_WALLETS_MODULE ?? null,
    databaseUrl: env.DATABASE_URL ?? null,
    migrationDatabaseUrl: env.MIGRATION_DATABASE_URL ?? null,
    dataDirectory: env.KYC_DATA_DIR,
    leaseSeconds: env.LEASE_SECONDS,
    logLevel: env.LOG_LEVEL,
  }
}

function toChain(env: Variables): ChainConfiguration | null {
  const { ISSUER_PRIVATE_KEY: privateKey, ISSUER_ACCOUNT_MODULE: module = '', CLAIM_ISSUER_ADDRESS: claimIssuer } = env
  if (claimIssuer === undefined) return null
  return {
    rpcUrls: env.RPC_URL,
    witnessUrls: env.WITNESS_RPC_URLS,
    chainId: env.CHAIN_ID ?? null,
    account: privateKey === undefined ? { module } : { privateKey },
    claimIssuer,
    identityFactory: env.IDENTITY_FACTORY_ADDRESS ?? null,
  }
}

function toApi({ KYC_API_URL: url, KYC_API_TOKEN: token, KYC_API_POLL_SECONDS: pollSeconds, ...env }: Variables) {
  const allowHttp = env.KYC_API_ALLOW_HTTP === 'true'
  return url === undefined || token === undefined ? null : { url, token, allowHttp, pollSeconds }
}

function urlsVariable(name: string) {
  return z
    .string()
    .default('')
    .transform((text) => text.split(/[\s,]+/).filter((url) => url !== ''))
    .refine(
      (urls) => urls.every((url) => /^https?:\/\/./.test(url) && URL.canParse(url)),
      `${name} must be an http or https URL, or several separated by spaces or commas`,
    )
}

function addressVariable(name: string) {
  return z
    .string()
    .refine(
      (address): address is Address => isAddress(address),
      `${name} is no address: 0x and 40 hexadecimal digits. Where some are capital letters, check them for a typing error`,
    )
}

function numberVariable(name: string, what: string, { least }: { readonly least: number }) {
  const message = `${name} must be ${what}`
  return z
    .string()
    .regex(/^\d{1,12}$/, message)
    .transform(Number)
    .refine((number) => number >= least, message)
}

/** Says nothing of what is there instead of a key. */
function isPrivateKey(text: string): boolean {
  return /^0x[0-9a-fA-F]{64}$/.test(text) && BigInt(text) > 0n && BigInt(text) < CURVE_ORDER
}
