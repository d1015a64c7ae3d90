import { once } from 'node:events'
import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { createFeedSource } from '@persona-kyc/claims'
import {
  createPrinter,
  createStageConfiguration,
  openStage,
  type Stage,
  startService,
  toStartMessage,
} from '@persona-kyc/example-service'
import { createKycApp } from '@persona-kyc/hono-adapter'
import { createKnexStorage } from '@persona-kyc/storage-knex'
import { pino } from 'pino'
import { type ConnectedChain, connectChain } from './chain.js'
import type { ClaimTerms } from './configuration.js'
import { walk } from './demo-walk.js'
import { type LocalDeployment, startLocalDeployment } from './local-deployment.js'
import { toFakeWallet } from './wallets.js'
import { runWorker } from './worker.js'

const TERMS: ClaimTerms = { topic: 1n, level: 1, validForSeconds: null, confirmations: 2 }

const isServing = process.argv.includes('--serve') || process.env.npm_config_serve === 'true'
const printer = createPrinter((line) => process.stdout.write(`${line}\n`), process.stdout.isTTY === true)
const logger = pino({ level: 'silent' })

try {
  await runDemo()
} catch (error) {
  process.stderr.write(`${toStartMessage(error)}\n`)
  process.exitCode = 1
}

async function runDemo(): Promise<void> {
  const [unknown] = process.argv.slice(2).filter((argument) => argument !== '--serve')
  if (unknown !== undefined)
    throw new Error(`There is no option ${unknown}. To keep everything up: npm run demo:identity -- --serve`)
  const startedAt = Date.now()
  const cleanups: (() => unknown)[] = []
  try {
    printer.say('Starting a local EVM, an embedded PostgreSQL, a fake Persona and the Hono server …')
    const stage = await startServer(cleanups)
    const local = await startLocalDeployment({ directory: null, confirmations: TERMS.confirmations })
    cleanups.push(local.close)
    const chain = connectChain(local, TERMS)
    introduce(stage, local)
    await walk(stage, chain, startWorker(stage, chain, cleanups))
    printer.heading('Done')
    const seconds = ((Date.now() - startedAt) / 1000).toFixed(1)
    printer.say(`One claim, issued and revoked, in ${seconds} s. Next: examples/README.md.`)
    if (isServing) await serve(stage, local)
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup()
  }
}

async function startServer(cleanups: (() => unknown)[]): Promise<Stage> {
  const configuration = createStageConfiguration(isServing ? process.env.PORT : '0')
  const service = await startService(configuration, logger, { dataDirectory: null })
  cleanups.push(service.close)
  const server = createServer(getRequestListener(createKycApp(service.handlerOptions).fetch))
  cleanups.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return openStage(configuration, { server, service, printer })
}

/** Returns the Identity Service at work: a promise that only ends with it. */
function startWorker({ service }: Stage, chain: ConnectedChain, cleanups: (() => unknown)[]): Promise<void> {
  const stop = new AbortController()
  const parts = {
    ...chain,
    source: createFeedSource({ engine: service.engine }),
    store: createKnexStorage({ knex: service.knex }),
    resolveIdentity: toFakeWallet,
    maxFeePerGas: null,
    leaseMs: 30_000,
  }
  const working = runWorker(parts, { logger, signal: stop.signal })
  // Whoever waits for it hears of its failure, whenever that is.
  working.catch(() => {})
  cleanups.push(() => {
    stop.abort()
    return working
  })
  return working
}

function introduce({ url }: Stage, { chainId, claimIssuer, identityFactory, account }: LocalDeployment): void {
  printer.say(`Listening on ${url}. ONCHAINID’s contracts are deployed on the local EVM:`)
  printer.facts('the chain', {
    'chain id': chainId,
    'claim issuer': claimIssuer,
    'identity factory': identityFactory,
    'sender and signer': account.address,
  })
}

async function serve({ url, service, persona, apiToken }: Stage, local: LocalDeployment): Promise<void> {
  service.setWebhookUrl(`${url}/webhooks/persona/inquiry`)
  printer.say(`Still up, until Ctrl-C:
  the routes    ${url}/compliance/kyc     authorization: Bearer ${apiToken}
  fake Persona  ${persona.baseUrl}   authorization: Bearer ${persona.fake.apiKey}
  local EVM     ${local.url}   chain id ${local.chainId}

Try: start a case, have the fake Persona approve its inquiry (put its id in), and read the claim a few seconds later:
  curl -H 'authorization: Bearer ${apiToken}' ${url}/compliance/kyc \\
    -H 'content-type: application/json' -d '{"user_id":"user_dan","document_type":"passport"}'
  curl -H 'authorization: Bearer ${persona.fake.apiKey}' ${persona.baseUrl}/inquiries/inq_PUT_IT_HERE/perform-simulate-actions \\
    -H 'content-type: application/json' \\
    -d '{"meta":{"simulate-actions":[{"type":"start_inquiry"},{"type":"complete_inquiry"},{"type":"approve_inquiry"}]}}'
  curl -H 'authorization: Bearer ${apiToken}' '${url}/compliance/kyc?claim=present'`)
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
}
