import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { KycHandlerOptions } from '@persona-kyc/core'
import { pino } from 'pino'
import { readConfiguration } from './configuration.js'
import { EnvironmentError } from './environment.js'
import { type Service, startService } from './service.js'

/** What differs between the example servers. */
export interface ServerDefinition {
  /** Names the data directory of the embedded PostgreSQL. */
  readonly name: string
  /** Makes an HTTP server of the routes. It must not listen yet. */
  createServer(options: KycHandlerOptions): Server
}

const DRAIN_MS = 10_000

/** Runs an example server until SIGTERM or SIGINT; then it finishes the requests under way and exits with 0. */
export async function runServer(definition: ServerDefinition): Promise<void> {
  try {
    await start(definition)
  } catch (error) {
    process.stderr.write(`${toStartMessage(error)}\n`)
    process.exitCode = 1
  }
}

/** What a person at the terminal needs to know of a start that failed: no stack, and the variable to change. */
export function toStartMessage(error: unknown): string {
  if (!(error instanceof Error)) return 'It did not start.'
  const { code } = error as { code?: unknown }
  if (code === 'EADDRINUSE')
    return 'It did not start: the port is taken (EADDRINUSE). Set PORT to another one, for example PORT=8001.'
  if (code === 'ENOTFOUND' || code === 'EADDRNOTAVAIL') return `It did not start: it cannot listen at HOST (${code}).`
  return error instanceof EnvironmentError ? error.message : `It did not start. ${error.message}`
}

async function start({ name, createServer }: ServerDefinition): Promise<void> {
  const configuration = readConfiguration(process.env)
  const logger = pino({ level: configuration.logLevel })
  let isStarted = false
  const stopping = untilStopped()
  // Nothing is under way yet that would have to be finished.
  stopping.then(() => isStarted || process.exit(0))
  const service = await startService(configuration, logger, {
    dataDirectory: configuration.dataDirectory ?? join('.persona-kyc', name),
  })
  isStarted = true
  const server = createServer(service.handlerOptions)
  try {
    const url = await listen(server, configuration.port, configuration.host)
    service.setWebhookUrl(`${url}/webhooks/persona/inquiry`)
    logger.info({ url }, 'listening')
    await stopping
    logger.info('stopping')
  } finally {
    await stop(server, service)
    logger.info('stopped')
  }
}

/** Resolves at the first SIGTERM or SIGINT. Further ones change nothing: the drain is under way. */
export function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    process.on('SIGTERM', () => resolve())
    process.on('SIGINT', () => resolve())
  })
}

async function listen(server: Server, port: number, host: string): Promise<string> {
  server.listen(port, host)
  // Rejects if the server emits an error instead, such as EADDRINUSE.
  await once(server, 'listening')
  const { port: actual } = server.address() as AddressInfo
  return `http://${host.includes(':') ? `[${host}]` : host}:${actual}`
}

async function stop(server: Server, service: Service): Promise<void> {
  if (server.listening) {
    const closed = once(server, 'close')
    server.close()
    // A connection that is kept alive would hold the server up after its last answer.
    const idle = setInterval(() => server.closeIdleConnections(), 50)
    const deadline = setTimeout(() => server.closeAllConnections(), DRAIN_MS)
    await closed
    clearInterval(idle)
    clearTimeout(deadline)
  }
  await service.close()
  // A call to Persona that still waits for its next attempt does not hold the process up.
  setTimeout(() => process.exit(), 1000).unref()
}
