import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
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
  call(method: string, path: string, body?: unknown): Promise<ApiAnswer>
  /** Starts a verification of a new user who has a wallet, and resolves with the case's id. */
  initiate(user: User, details?: object): Promise<string>
  /** Has things happen to the case's inquiry at the fake Persona. */
  simulate(caseId: string, ...actions: InquiryAction[]): Promise<void>
  /** Resolves with the case once it is as it is wanted. */
  waitForCase(caseId: string, isWanted: (kycCase: ApiCase) => boolean): Promise<ApiCase>
  close(): Promise<void>
}

/** A user of the app, whose wallet is in the table of `user-wallets.example.ts`. */
export interface User {
  readonly id: string
  readonly wallet: Address
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes
type ApiCase = any

interface ApiAnswer {
  readonly status: number
  readonly json: ApiCase
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

  const call = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${url}/compliance${path}`, {
      method,
      headers: { authorization: `Bearer ${API_TOKEN}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return { status: response.status, json: await response.json() }
  }
  return {
    url,
    databaseUrl: database.appUrl,
    databaseEnvironment: database.environment,
    log: () => log.join(''),
    call,
    async initiate({ id, wallet }, details = {}) {
      await owner('user_wallets').insert({ user_id: id, address: wallet })
      const { json } = await call('POST', '/kyc', { user_id: id, document_type: 'passport', ...details })
      return json.case_id
    },
    async simulate(caseId, ...actions) {
      const { json } = await call('GET', `/kyc/${caseId}`)
      fakePersona?.fake.inquiries.simulate(json.persona_inquiry_id, ...actions)
    },
    waitForCase: (caseId, isWanted) =>
      vi.waitFor(
        async () => {
          const { json } = await call('GET', `/kyc/${caseId}`)
          if (!isWanted(json)) throw new Error(`The case is still ${json.status}, its claim ${json.kyc_claim_id}`)
          return json
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
