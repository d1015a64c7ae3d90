import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A server of case-server.ts, in a process of its own. */
export interface CaseServer {
  readonly port: number
  stop(): void
}

/** The bearer token that all of them take. */
export const CASE_TOKEN = 'token-of-the-benchmark-0123456789'

/** The key that all of them seal under. */
export const ENCRYPTION_KEY = { id: 'k1', key: new Uint8Array(32).fill(7) } as const

const SERVER = fileURLToPath(new URL('./case-server.ts', import.meta.url))
const TSCONFIG = fileURLToPath(new URL('tsconfig.json', import.meta.url))

/** Starts that side on the framework. */
export async function startCaseServer(
  framework: string,
  { side, databaseUrl }: { readonly side: 'ours' | 'bare'; readonly databaseUrl: string },
): Promise<CaseServer> {
  const child = spawn(process.execPath, ['--import', 'tsx', SERVER, framework, side, databaseUrl], {
    env: { ...process.env, TSX_TSCONFIG_PATH: TSCONFIG, NODE_ENV: 'production' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const [{ port }] = (await Promise.race([once(child, 'message'), failAtExit(child)])) as [{ port: number }]
  return { port, stop: () => void child.kill('SIGTERM') }
}

async function failAtExit(child: ReturnType<typeof spawn>): Promise<never> {
  const [code] = await once(child, 'exit')
  throw new Error(`The server of the benchmark ended with ${code}.`)
}
