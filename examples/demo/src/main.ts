import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import {
  type Configuration,
  readConfiguration,
  type Service,
  startService,
  toStartMessage,
} from '@persona-kyc/example-service'
import { createKycApp } from '@persona-kyc/hono-adapter'
import { pino } from 'pino'
import { createPrinter } from './printer.js'
import { type Person, type Stage, walk } from './walk.js'

const PEOPLE: readonly Person[] = [
  {
    name: 'Ada',
    userId: 'user_ada',
    story: 'Ada shows her passport and her face to Persona. It tells the backend by signed webhooks:',
    actions: ['start_inquiry', 'complete_inquiry'],
    issueClaim: true,
  },
  {
    name: 'Ben',
    userId: 'user_ben',
    story: 'Ben’s photo does not match his passport, three times. Persona fails the inquiry:',
    actions: ['start_inquiry', 'fail_inquiry'],
    issueClaim: false,
  },
  {
    name: 'Cleo',
    userId: 'user_cleo',
    story: 'Cleo finishes the flow, but a workflow at Persona wants a person to look at it:',
    actions: ['start_inquiry', 'complete_inquiry', 'mark_for_review_inquiry'],
    issueClaim: false,
  },
]
const OUTCOMES = ['verified', 'rejected', 'review']

const isServing = process.argv.includes('--serve') || process.env.npm_config_serve === 'true'
const printer = createPrinter((line) => process.stdout.write(`${line}\n`), process.stdout.isTTY === true)

try {
  await runDemo()
} catch (error) {
  process.stderr.write(`${toStartMessage(error)}\n`)
  process.exitCode = 1
}

async function runDemo(): Promise<void> {
  const [unknown] = process.argv.slice(2).filter((argument) => argument !== '--serve')
  if (unknown !== undefined)
    throw new Error(`There is no option ${unknown}. To keep the server up: npm run demo -- --serve`)
  const startedAt = Date.now()
  const configuration = createConfiguration()
  printer.say('Starting an embedded PostgreSQL, a fake Persona and the Hono server …')
  const service = await startService(configuration, pino({ level: 'silent' }), { dataDirectory: null })
  const server = createServer(getRequestListener(createKycApp(service.handlerOptions).fetch))
  try {
    const stage = await openStage(configuration, server, service)
    printer.say(`Listening on ${stage.url}. Three people want to be verified.`)
    for (const [index, person] of PEOPLE.entries()) {
      printer.heading(`${index + 1} · ${person.name}: ${OUTCOMES[index]}`)
      await walk(stage, person)
    }
    const seconds = ((Date.now() - startedAt) / 1000).toFixed(1)
    printer.heading('Done')
    printer.say(`Three cases in ${seconds} s. Next: README.md, then docs/getting-started.md.`)
    if (isServing) await serve(stage)
  } finally {
    server.close()
    server.closeAllConnections()
    await service.close()
  }
}

/** The demo's own settings, whatever the environment holds: nobody's database is touched. */
function createConfiguration(): Configuration {
  return readConfiguration({
    COMPLIANCE_API_TOKEN: randomBytes(24).toString('hex'),
    KYC_ENCRYPTION_KEYS: `demo:${randomBytes(32).toString('base64')}`,
    LOG_LEVEL: 'silent',
    PORT: isServing ? process.env.PORT : '0',
  })
}

async function openStage(
  { port, host, webhookSecrets, apiToken }: Configuration,
  server: Server,
  service: Service,
): Promise<Stage> {
  server.listen(port, host)
  await once(server, 'listening')
  const url = `http://${host}:${(server.address() as AddressInfo).port}`
  const [webhookSecret = ''] = webhookSecrets
  if (service.fakePersona === null) throw new Error('The demo runs against the fake Persona only.')
  return { url, apiToken, webhookSecret, service, persona: service.fakePersona, printer }
}

async function serve({ url, service, persona, apiToken }: Stage): Promise<void> {
  service.setWebhookUrl(`${url}/webhooks/persona/inquiry`)
  printer.say(`Still up, until Ctrl-C:
  the routes    ${url}/compliance/kyc     authorization: Bearer ${apiToken}
  fake Persona  ${persona.baseUrl}   authorization: Bearer ${persona.fake.apiKey}

Try: list the cases, start one, and have the fake Persona approve its inquiry (put its id in):
  curl -H 'authorization: Bearer ${apiToken}' ${url}/compliance/kyc
  curl -H 'authorization: Bearer ${apiToken}' ${url}/compliance/kyc \\
    -H 'content-type: application/json' -d '{"user_id":"user_dan","document_type":"passport"}'
  curl -H 'authorization: Bearer ${persona.fake.apiKey}' ${persona.baseUrl}/inquiries/inq_PUT_IT_HERE/perform-simulate-actions \\
    -H 'content-type: application/json' \\
    -d '{"meta":{"simulate-actions":[{"type":"start_inquiry"},{"type":"complete_inquiry"},{"type":"approve_inquiry"}]}}'`)
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
}
