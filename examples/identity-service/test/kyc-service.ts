import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { createKycApi, type KycApi, type KycApiCase } from '@persona-kyc/core'
import { readConfiguration, startService } from '@persona-kyc/example-service'
import { createKycApp } from '@persona-kyc/hono-adapter'
import type { InquiryAction } from '@persona-kyc/testing'
import createKnex from 'knex'
import { pino } from 'pino'
import type { Address } from 'viem'
import { vi } from 'vitest'
import { createAppDatabase } from '../../../test-setup/app-database.js'

/** What the Identity Service shows to the KYC service. */
export const CLAIM_TOKEN = 'claim-token-canary-0123456789'
const API_TOKEN = 'compliance-token-canary-0123456789'
const ENCRYPTION_KEY = Buffer.from('encryption-key-canary-0123456789').toString('base64')

/** A KYC service that listens, with a database of its own and a fake Persona that delivers signed webhooks over HTTP. */
export interface KycService {
  readonly url: string
  /** The app's, which may read the table of wallets too. */
  readonly databaseUrl: string
  /** The variables that point another program to its database. */
  readonly databaseEnvironment: Readonly<Record<string, string>>
  /** Everything that it logged so far. */
  log(): string
  /** Its routes, with a token that opens all of them. */
  readonly api: KycApi
  /** Starts a verification of a new user who has a wallet, and resolves with the case's id. */
  initiate(user: User, details?: object): Promise<string>
  /** Has things happen to the case's inquiry at the fake Persona. */
  simulate(caseId: string, ...actions: InquiryAction[]): Promise<void>
  /** Resolves with the case once it is as it is wanted. */
  waitForCase(caseId: string, isWanted: (kycCase: KycApiCase) => boolean): Promise<KycApiCase>
  close(): Promise<void>
}

/** A user of the app, whose wallet is in the table of `user-wallets.example.ts`. */
export interface User {
  readonly id: string
  readonly wallet: Address
}

/** Starts one. */
export async function startKycService(): Promise<KycService> {
  const database = await createAppDatabase()
  const log: string[] = []
  const logger = pino({ level: 'trace' }, { write: (line) => void log.push(line) })
  const configuration = readConfiguration({
    ...database.environment,
    COMPLIANCE_API_TOKEN: API_TOKEN,
    IDENTITY_SERVICE_TOKEN: CLAIM_TOKEN,
    KYC_ENCRYPTION_KEYS: `test:${ENCRYPTION_KEY}`,
    KYC_RECONCILE_SECONDS: '0',
  })
  const service = await startService(configuration, logger, { dataDirectory: null })
  const { fakePersona } = service
  const owner = createKnex({ client: 'pg', connection: database.ownerUrl, pool: { min: 0, max: 2 } })
  await owner.schema.createTable('user_wallets', (table) => {
    table.text('user_id').primary()
    table.text('address').notNullable()
  })
  await owner.raw('grant select on user_wallets to public')
  const server = createServer(getRequestListener(createKycApp(service.handlerOptions).fetch)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  service.setWebhookUrl(`${url}/webhooks/persona/inquiry`)

  const api = createKycApi({ baseUrl: url, token: API_TOKEN })
  return {
    url,
    databaseUrl: database.appUrl,
    databaseEnvironment: database.environment,
    log: () => log.join(''),
    api,
    async initiate({ id, wallet }, details = {}) {
      await owner('user_wallets').insert({ user_id: id, address: wallet })
      const { case_id } = await api.initiate({ user_id: id, document_type: 'passport', ...details })
      return case_id
    },
    async simulate(caseId, ...actions) {
      const { persona_inquiry_id } = await api.get(caseId)
      fakePersona?.fake.inquiries.simulate(String(persona_inquiry_id), ...actions)
    },
    waitForCase: (caseId, isWanted) =>
      vi.waitFor(
        async () => {
          const kycCase = await api.get(caseId)
          if (isWanted(kycCase)) return kycCase
          throw new Error(`The case is still ${kycCase.status}, its claim ${kycCase.kyc_claim_id}`)
        },
        { timeout: 60_000, interval: 100 },
      ),
    async close() {
      server.close()
      server.closeAllConnections()
      await service.close()
      await owner.destroy()
      await database.drop()
    },
  }
}
