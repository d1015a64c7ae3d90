import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

/** A server of webhook-server.ts, in a process of its own. */
export interface WebhookServer {
  readonly pid: number
  readonly port: number
  /** Resolves with what keeps the process alive, once nothing is under way. */
  listResources(): Promise<readonly string[]>
  stop(): void
}

const SERVER = fileURLToPath(new URL('webhook-server.ts', import.meta.url))
const TSCONFIG = fileURLToPath(new URL('tsconfig.json', import.meta.url))

/** Starts the server of that name. */
export async function startServer(name: string, databaseUrl = ''): Promise<WebhookServer> {
  const child = spawn(process.execPath, ['--import', 'tsx', SERVER, name, databaseUrl], {
    env: { ...process.env, TSX_TSCONFIG_PATH: TSCONFIG, NODE_ENV: 'production' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return {
    pid: child.pid ?? 0,
    port,
    async listResources() {
      child.send('list')
      const [resources] = await once(child, 'message')
      return resources as readonly string[]
    },
    stop: () => void child.kill('SIGTERM'),
  }
}

/** What a process has used of the CPU so far, in user and kernel: Linux counts hundredths of a second. */
export async function readCpuSeconds(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** What a process holds of the memory, in bytes. */
export async function readResidentBytes(pid: number): Promise<number> {
  const kB = /^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kB) * 1024
}
