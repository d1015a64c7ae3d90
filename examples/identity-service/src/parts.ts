import { join } from 'node:path'
import type { ResolveIdentity } from '@persona-kyc/claims'
import { openDatabase } from '@persona-kyc/example-service'
import { createKnexStorage } from '@persona-kyc/storage-knex'
import type { Logger } from 'pino'
import { type ConnectedChain, connectChain, toChainAccess } from './chain.js'
import type { WorkerConfiguration } from './configuration.js'
import { checkContracts } from './contract-check.js'
import { startLocalDeployment } from './local-deployment.js'
import { createApiSource, createDatabaseSource } from './source.js'
import { loadWallets, toFakeWallet } from './wallets.js'
import type { WorkerParts } from './worker.js'

/** The parts, until they are closed. */
export interface OpenParts extends WorkerParts {
  /** Closes what was opened, the last first. */
  close(): Promise<void>
}

type Cleanups = (() => Promise<unknown>)[]

/** Loads the app's modules, starts database and chain where none are configured, migrates, and connects. */
export async function openParts(configuration: WorkerConfiguration, logger: Logger): Promise<OpenParts> {
  const cleanups: Cleanups = []
  const close = async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  }
  try {
    const resolveIdentity = await loadResolver(configuration)
    const { api, databaseUrl, migrationDatabaseUrl, dataDirectory, leaseSeconds, maxFeePerGas } = configuration
    const leaseMs = leaseSeconds * 1000
    if (api === null && databaseUrl === null) {
      logger.warn('neither DATABASE_URL nor KYC_API_URL is set: no cases will come')
    }
    const database = await openDatabase(
      { databaseUrl, migrationDatabaseUrl, dataDirectory: join(dataDirectory, 'postgres') },
      logger,
    )
    cleanups.push(database.close)
    const chain = await openChain(configuration, { logger, cleanups })
    const store = createKnexStorage({ knex: database.knex })
    const source = api === null ? createDatabaseSource(store, { leaseMs, logger }) : createApiSource(api, logger)
    return { ...chain, source, store, resolveIdentity, maxFeePerGas, leaseMs, close }
  } catch (error) {
    await close()
    throw error
  }
}

function loadResolver({ walletsModule }: WorkerConfiguration): Promise<ResolveIdentity> | ResolveIdentity {
  return walletsModule === null ? toFakeWallet : loadWallets(walletsModule)
}

async function openChain(
  { chain, terms, dataDirectory }: WorkerConfiguration,
  { logger, cleanups }: { readonly logger: Logger; readonly cleanups: Cleanups },
): Promise<ConnectedChain> {
  if (chain !== null) {
    const connected = connectChain(await toChainAccess(chain), terms)
    await checkContracts(connected, logger)
    return connected
  }
  logger.info('RPC_URL is not set: starting a local chain, with made-up wallets')
  const { confirmations } = terms
  const local = await startLocalDeployment({ directory: join(dataDirectory, 'chain'), confirmations })
  cleanups.push(local.close)
  logger.info({ url: local.url, chainId: local.chainId }, 'the local chain runs')
  return connectChain(local, terms)
}
