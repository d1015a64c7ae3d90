import { describe, expect, it } from 'vitest'
import { readWorkerConfiguration } from '../src/configuration.js'

const KEY = `0x${'12'.repeat(32)}`
const ISSUER = '0xCf7Ed3AccA5a467e9e704C703E8D87F634fB0Fc9'
const FACTORY = '0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0'
const TOKEN = 'a-token-of-16-characters'
const REAL = {
  RPC_URL: 'https://rpc.example.com/key',
  ISSUER_PRIVATE_KEY: KEY,
  CLAIM_ISSUER_ADDRESS: ISSUER,
  USER_WALLETS_MODULE: './wallets.mjs',
  DATABASE_URL: 'postgres://app@localhost/kyc',
}

describe('readWorkerConfiguration', () => {
  it('starts a local chain and an embedded PostgreSQL, with made-up wallets, where nothing is said', () => {
    expect(readWorkerConfiguration({ RPC_URL: '', DATABASE_URL: ' ' })).toEqual({
      chain: null,
      terms: { topic: 1n, level: 1, validForSeconds: null, confirmations: 2 },
      maxFeePerGas: null,
      api: null,
      walletsModule: null,
      databaseUrl: null,
      migrationDatabaseUrl: null,
      dataDirectory: '.persona-kyc/identity-service',
      leaseSeconds: 30,
      logLevel: 'info',
    })
  })

  it('needs little for a real chain, and waits for 13 blocks there', () => {
    expect(readWorkerConfiguration({ ...REAL, NODE_ENV: 'production' })).toMatchObject({
      chain: {
        rpcUrls: [REAL.RPC_URL],
        witnessUrls: [],
        chainId: null,
        account: { privateKey: KEY },
        claimIssuer: ISSUER,
        identityFactory: null,
      },
      terms: { confirmations: 13 },
    })
  })

  it('reads everything', () => {
    const environment = {
      ...REAL,
      RPC_URL: 'https://one.example.com, https://two.example.com https://three.example.com',
      WITNESS_RPC_URLS: 'http://witness.example.com',
      CHAIN_ID: '137',
      ISSUER_PRIVATE_KEY: undefined,
      ISSUER_ACCOUNT_MODULE: './kms.mjs',
      IDENTITY_FACTORY_ADDRESS: FACTORY.toLowerCase(),
      CLAIM_TOPIC: '0xff',
      CLAIM_LEVEL: '0',
      CLAIM_VALID_FOR_SECONDS: '31536000',
      CONFIRMATIONS: '64',
      MAX_FEE_GWEI: '80.5',
      MIGRATION_DATABASE_URL: 'postgres://owner@localhost/kyc',
      KYC_API_URL: 'https://kyc.example.com/api',
      KYC_API_TOKEN: TOKEN,
      KYC_API_ALLOW_HTTP: 'true',
      KYC_API_POLL_SECONDS: '30',
      KYC_DATA_DIR: '/var/lib/identity',
      LEASE_SECONDS: '10',
      LOG_LEVEL: 'debug',
    }
    expect(readWorkerConfiguration(environment)).toEqual({
      chain: {
        rpcUrls: ['https://one.example.com', 'https://two.example.com', 'https://three.example.com'],
        witnessUrls: ['http://witness.example.com'],
        chainId: 137,
        account: { module: './kms.mjs' },
        claimIssuer: ISSUER,
        identityFactory: FACTORY.toLowerCase(),
      },
      terms: { topic: 255n, level: 0, validForSeconds: 31_536_000, confirmations: 64 },
      maxFeePerGas: 80_500_000_000n,
      api: { url: 'https://kyc.example.com/api', token: TOKEN, allowHttp: true, pollSeconds: 30 },
      walletsModule: './wallets.mjs',
      databaseUrl: REAL.DATABASE_URL,
      migrationDatabaseUrl: 'postgres://owner@localhost/kyc',
      dataDirectory: '/var/lib/identity',
      leaseSeconds: 10,
      logLevel: 'debug',
    })
  })

  it.each([
    [{ ...REAL, RPC_URL: undefined }, /RPC_URL is not set, but ISSUER_PRIVATE_KEY is: /],
    [{ ...REAL, RPC_URL: 'ws://rpc.example.com' }, /RPC_URL must be an http or https URL/],
    [{ ...REAL, RPC_URL: 'https://rpc.example.com somewhere' }, /RPC_URL must be an http or https URL/],
    [{ ...REAL, WITNESS_RPC_URLS: 'somewhere' }, /WITNESS_RPC_URLS must be an http or https URL/],
    [
      { MIGRATION_DATABASE_URL: REAL.DATABASE_URL },
      /DATABASE_URL is not set, but MIGRATION_DATABASE_URL is: give the URL that the app/,
    ],
    [{ ...REAL, CHAIN_ID: 'mainnet' }, /CHAIN_ID must be the number of a chain/],
    [{ ...REAL, CHAIN_ID: '0' }, /CHAIN_ID must be the number of a chain/],
    [
      { ...REAL, ISSUER_PRIVATE_KEY: undefined },
      /ISSUER_PRIVATE_KEY is not set, but RPC_URL is: .*ISSUER_ACCOUNT_MODULE/,
    ],
    [{ ...REAL, ISSUER_PRIVATE_KEY: KEY.slice(2) }, /ISSUER_PRIVATE_KEY must be 0x and 64/],
    [{ ...REAL, ISSUER_PRIVATE_KEY: `0x${'0'.repeat(64)}` }, /ISSUER_PRIVATE_KEY must be 0x and 64/],
    [{ ...REAL, ISSUER_PRIVATE_KEY: `0x${'f'.repeat(64)}` }, /ISSUER_PRIVATE_KEY must be 0x and 64/],
    [{ ...REAL, ISSUER_ACCOUNT_MODULE: './kms.mjs' }, /ISSUER_PRIVATE_KEY and ISSUER_ACCOUNT_MODULE are both set/],
    [
      { ...REAL, CLAIM_ISSUER_ADDRESS: undefined },
      /CLAIM_ISSUER_ADDRESS is not set, but RPC_URL is: npx persona-kyc-claims/,
    ],
    [{ ...REAL, CLAIM_ISSUER_ADDRESS: ISSUER.replace('C', 'c') }, /CLAIM_ISSUER_ADDRESS is no address/],
    [{ ...REAL, IDENTITY_FACTORY_ADDRESS: '0x12' }, /IDENTITY_FACTORY_ADDRESS is no address/],
    [{ ...REAL, USER_WALLETS_MODULE: undefined }, /USER_WALLETS_MODULE is not set, but RPC_URL is: /],
    [{ IDENTITY_FACTORY_ADDRESS: FACTORY }, /RPC_URL is not set, but IDENTITY_FACTORY_ADDRESS is/],
    [{ WITNESS_RPC_URLS: REAL.RPC_URL }, /RPC_URL is not set, but WITNESS_RPC_URLS is/],
    [{ CHAIN_ID: '1' }, /RPC_URL is not set, but CHAIN_ID is/],
    [{ CLAIM_TOPIC: '0' }, /CLAIM_TOPIC must be a whole number from 1/],
    [{ CLAIM_TOPIC: 'kyc' }, /CLAIM_TOPIC must be a whole number from 1/],
    [{ CLAIM_LEVEL: '-1' }, /CLAIM_LEVEL must be a whole number/],
    [{ CLAIM_VALID_FOR_SECONDS: '0' }, /CLAIM_VALID_FOR_SECONDS must be a whole number of seconds from 1/],
    [{ CONFIRMATIONS: '0' }, /CONFIRMATIONS must be a whole number of blocks from 1/],
    [{ MAX_FEE_GWEI: 'much' }, /MAX_FEE_GWEI must be a number of gwei/],
    [{ MAX_FEE_GWEI: '0' }, /MAX_FEE_GWEI must be more than 0/],
    [{ KYC_API_URL: 'https://kyc.example.com' }, /KYC_API_TOKEN is not set, but KYC_API_URL is/],
    [{ KYC_API_TOKEN: TOKEN }, /KYC_API_URL is not set, but KYC_API_TOKEN is/],
    [{ KYC_API_URL: 'kyc.example.com', KYC_API_TOKEN: TOKEN }, /KYC_API_URL must be a URL/],
    [{ KYC_API_URL: 'http://kyc:8000', KYC_API_TOKEN: TOKEN }, /KYC_API_URL is http, .*KYC_API_ALLOW_HTTP=true/],
    [{ KYC_API_URL: 'http://localhost.kyc', KYC_API_TOKEN: TOKEN }, /KYC_API_URL is http/],
    [{ KYC_API_ALLOW_HTTP: 'yes' }, /KYC_API_ALLOW_HTTP must be true or false/],
    [
      { KYC_API_URL: 'https://kyc.example.com', KYC_API_TOKEN: 'short' },
      /KYC_API_TOKEN must be the IDENTITY_SERVICE_TOKEN/,
    ],
    [{ KYC_API_POLL_SECONDS: '9' }, /KYC_API_POLL_SECONDS is set, but KYC_API_URL is not/],
    [{ DATABASE_URL: 'mysql://x' }, /DATABASE_URL must look like postgres/],
    [{ LEASE_SECONDS: '0' }, /LEASE_SECONDS must be a whole number of seconds from 1/],
    [{ LOG_LEVEL: 'loud' }, /LOG_LEVEL must be one of/],
    [{ NODE_ENV: 'production' }, /RPC_URL is not set: the local chain is not.*DATABASE_URL is not set: the embedded/s],
    [{ ...REAL, NODE_ENV: 'production', DATABASE_URL: undefined }, /DATABASE_URL is not set: the embedded/],
  ])('refuses %j', (environment, message) => {
    expect(() => readWorkerConfiguration(environment)).toThrow(message)
  })

  it('takes http from this machine, and from others where that is said', () => {
    for (const url of ['http://localhost', 'http://127.0.0.1:8000', 'HTTP://[::1]:8000/api']) {
      const environment = { KYC_API_URL: url, KYC_API_TOKEN: TOKEN }
      expect(readWorkerConfiguration(environment)).toMatchObject({ api: { url, allowHttp: false } })
    }
    const environment = { KYC_API_URL: 'http://kyc:8000', KYC_API_TOKEN: TOKEN, KYC_API_ALLOW_HTTP: 'true' }
    expect(readWorkerConfiguration(environment)).toMatchObject({ api: { url: 'http://kyc:8000', allowHttp: true } })
  })

  it('names all mistakes at once, and none of the values', () => {
    const environment = {
      RPC_URL: 'rpc-canary',
      ISSUER_PRIVATE_KEY: `${KEY}canary`,
      IDENTITY_FACTORY_ADDRESS: 'address-canary',
      KYC_API_TOKEN: 'canary',
      DATABASE_URL: 'url-canary',
    }
    const names =
      /RPC_URL.*ISSUER_PRIVATE_KEY.*IDENTITY_FACTORY_ADDRESS.*KYC_API_TOKEN.*DATABASE_URL.*CLAIM_ISSUER_ADDRESS.*USER_WALLETS_MODULE.*KYC_API_URL/s
    expect(() => readWorkerConfiguration(environment)).toThrow(names)
    expect(() => readWorkerConfiguration(environment)).not.toThrow(/canary|1212/)
  })
})
