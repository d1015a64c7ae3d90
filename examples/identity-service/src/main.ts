import { toStartMessage, untilStopped } from '@persona-kyc/example-service'
import { pino } from 'pino'
import { readWorkerConfiguration } from './configuration.js'
import { openParts } from './parts.js'
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
  try {
    logger.info({ ...addresses, cases, confirmations: issuer.confirmations }, 'identity service started')
    await runWorker(parts, { logger, signal: stop.signal })
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
