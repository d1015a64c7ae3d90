import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

/** A server of a benchmark, in a process of its own. */
export interface ServerProcess<Told = object> {
  readonly pid: number
  readonly port: number
  /** What it told when it began to listen, the port among it. */
  readonly told: Told & { readonly port: number }
  /** Resolves with what keeps the process alive, once nothing is under way: of a server that answers that. */
  listResources(): Promise<readonly string[]>
  stop(): void
}

const TSCONFIG = fileURLToPath(new URL('tsconfig.json', import.meta.url))

/** Runs a program beside this file that tells its parent its `port`, once it listens. Rejects when it ends before. */
export async function startServer<Told = object>(
  program: string,
  args: readonly string[],
): Promise<ServerProcess<Told>> {
  const file = fileURLToPath(new URL(program, import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', file, ...args], {
    env: { ...process.env, TSX_TSCONFIG_PATH: TSCONFIG, NODE_ENV: 'production' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const failAtExit = async (): Promise<never> => {
    const [code] = await once(child, 'exit')
    throw new Error(`${program} ended with ${code}.`)
  }
  const [told] = (await Promise.race([once(child, 'message'), failAtExit()])) as [ServerProcess<Told>['told']]
  return {
    pid: child.pid ?? 0,
    port: told.port,
    told,
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
