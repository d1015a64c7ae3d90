import type { IncomingMessage, RequestListener } from 'node:http'
import { createBearerAuthorize, createKycEngine, createMemoryStorage, createPersonaClient } from '@persona-kyc/core'
import { createListener, SERVER_NAMES, startAttackServer } from './attack-servers.js'

// A server in a process of its own, whose memory is its own: node --expose-gc attack-victim.ts <server> [hoard].

const [, , name, fault] = process.argv
const serverName = SERVER_NAMES.find((one) => one === name)
if (serverName === undefined) throw new Error('Name a server.')

const ignore = () => {}
const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
const engine = createKycEngine({
  persona: createPersonaClient({
    apiKey: 'persona_sandbox_victim',
    fetch: () => Promise.reject(new TypeError('There is no Persona here.')),
  }),
  storage: createMemoryStorage(),
  templateId: 'itmpl_victim',
  webhookSecrets: 'wbhsec_victim',
  logger,
})
const listener = createListener(serverName, {
  engine,
  authorize: createBearerAuthorize({ tokens: process.env.VICTIM_TOKEN ?? '' }),
  bodyTimeoutMs: 250,
  logger,
})

/** What a server keeps that is wrong on purpose. */
const hoarded: Uint8Array[] = []
const hoard: RequestListener = (req: IncomingMessage, res) => {
  listener(req, res)
  req.on('data', (chunk: Uint8Array) => hoarded.push(chunk))
}

const server = await startAttackServer(fault === 'hoard' ? hoard : listener, {
  headersTimeout: 500,
  requestTimeout: 2000,
  connectionsCheckingInterval: 50,
})

process.on('message', async () => {
  await server.idle()
  // Twice: what the first run finalises, the second one frees.
  for (let run = 0; run < 2; run++) {
    globalThis.gc?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { heapUsed, external } = process.memoryUsage()
  process.send?.({ heldBytes: heapUsed + external, peakBytes: process.resourceUsage().maxRSS * 1024 })
})
process.send?.({ port: server.port })
