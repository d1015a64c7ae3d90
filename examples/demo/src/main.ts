import { once } from 'node:events'
import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import {
  createPrinter,
  createStageConfiguration,
  openStage,
  type Stage,
  startService,
  toStartMessage,
} from '@persona-kyc/example-service'
import { createKycApp } from '@persona-kyc/hono-adapter'
import { pino } from 'pino'
import { type Person, walk } from './walk.js'

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
  const configuration = createStageConfiguration(isServing ? process.env.PORT : '0')
  printer.say('Starting an embedded PostgreSQL, a fake Persona and the Hono server …')
  const service = await startService(configuration, pino({ level: 'silent' }), { dataDirectory: null })
  const server = createServer(getRequestListener(createKycApp(service.handlerOptions).fetch))
  try {
    const stage = await openStage(configuration, { server, service, printer })
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
