import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** The example servers, by the name of their folder. */
export const SERVERS = ['express-server', 'hono-server'] as const

/** A running example server. */
export interface ServerProcess {
  readonly url: string
  /** Everything that it wrote so far, standard error included. */
  output(): string
  /** Sends a request with the token of the compliance routes. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<ApiAnswer>
  signal(signal: NodeJS.Signals): void
  /** Sends the signal, unless it ended before, and resolves with the exit code; null after a SIGKILL. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** A status and what its JSON says. */
export interface ApiAnswer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes
  readonly json: any
}

export const API_TOKEN = 'compliance-token-canary-0123456789'
export const WEBHOOK_SECRET = 'wbhsec_canary_0123456789'
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** Starts an example server as `npm run start:…` does and resolves when it listens, on a free port. */
export async function startServer(
  name: (typeof SERVERS)[number],
  environment: Record<string, string>,
): Promise<ServerProcess> {
  const { child, output } = spawnServer(name, {
    PORT: '0',
    COMPLIANCE_API_TOKEN: API_TOKEN,
    PERSONA_WEBHOOK_SECRET: WEBHOOK_SECRET,
    LOG_LEVEL: 'trace',
    // It would use up the faults that tests plan for other calls.
    KYC_RECONCILE_SECONDS: '0',
    ...environment,
  })
  const url = await untilListening(child, output)
  return {
    url,
    output,
    call: (method, path, body, headers = {}) => call(`${url}${path}`, method, body, headers),
    signal: (signal) => void child.kill(signal),
    async stop(signal = 'SIGTERM') {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
      const exited = once(child, 'exit')
      child.kill(signal)
      const [code] = await exited
      return code
    },
  }
}

/** Runs an example server that is expected to end by itself. */
export async function runToExit(name: (typeof SERVERS)[number], environment: Record<string, string>) {
  const { child, output } = spawnServer(name, environment)
  const [code] = await once(child, 'close')
  return { code, output: output() }
}

function spawnServer(name: string, environment: Record<string, string>) {
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(process.execPath, ['--import', 'tsx', `examples/${name}/src/main.ts`], {
    cwd: ROOT,
    env: { PATH, HOME, TSX_TSCONFIG_PATH: 'tsconfig.json', ...environment },
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      text += chunk
    })
  }
  return { child, output: () => text }
}

async function untilListening(child: ChildProcess, output: () => string): Promise<string> {
  const ended = once(child, 'close')
  for (;;) {
    const url = /"url":"(http[^"]+)","msg":"listening"/.exec(output())?.[1]
    if (url !== undefined) return url
    const next = child.stdout === null ? [] : [once(child.stdout, 'data')]
    const winner = await Promise.race([ended.then(() => 'ended'), ...next])
    if (winner === 'ended') throw new Error(`The server ended before it listened:\n${output()}`)
  }
}

async function call(url: string, method: string, body: unknown, headers: Record<string, string>): Promise<ApiAnswer> {
  const response = await fetch(url, {
    method,
    headers: { authorization: `Bearer ${API_TOKEN}`, 'content-type': 'application/json', ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { status: response.status, json: await response.json() }
}
