import { toLogFields } from '@persona-kyc/core'
import { toStartMessage, untilStopped } from '@persona-kyc/example-service'
import { type Logger, pino } from 'pino'
import { readWorkerConfiguration } from './configuration.js'
import { type OpenParts, openParts } from './parts.js'
import { runWorker } from './worker.js'

/** Runs the Identity Service until SIGTERM or SIGINT; then it finishes the round under way and exits with 0. */
async function main(): Promise<void> {
  const configuration = readWorkerConfiguration(process.env)
  const logger = pino({ level: configuration.logLevel })
  const stop = new AbortController()
  let isStarted = false
  // Nothing is under way yet that would have to be finished.
  untilStopped().then(() => (isStarted ? stop.abort() : process.exit(0)))
  const parts = await openParts(configuration, logger)
  isStarted = true
  const { issuer, factory } = parts
  const cases = configuration.api === null ? 'feed' : 'http'
  const addresses = { sender: issuer.sender.address, claimIssuer: issuer.issuer, identityFactory: factory }
  logger.info({ ...addresses, cases, confirmations: issuer.confirmations }, 'identity service started')
  try {
    await work(parts, { logger, signal: stop.signal })
  } catch (error) {
    logger.fatal(toLogFields(error), 'identity service failed')
    process.exitCode = 1
  }
}

async function work(parts: OpenParts, options: { readonly logger: Logger; readonly signal: AbortSignal }) {
  const { logger } = options
  try {
    await runWorker(parts, options)
    logger.info('stopping')
  } finally {
    await parts.close()
    logger.info('stopped')
  }
}

main().then(
  // What a module of the app's own keeps open does not hold the process up.
  () => void setTimeout(() => process.exit(), 1000).unref(),
  (error: unknown) => {
    process.stderr.write(`${toStartMessage(error)}\n`)
    process.exit(1)
  },
)
