import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { vi } from 'vitest'
import { findFreePort } from './free-port.js'
import type { Program } from './programs.js'
import type { Project } from './project.js'
import { RUNTIMES } from './runtimes.js'

/** A program that runs, and listens. */
export interface ProgramProcess {
  readonly port: number
  /** Where the routes are, without a slash at the end. */
  readonly url: string
  /** Everything that it wrote so far. */
  output(): string
  /** Ends it and all that it started. */
  stop(): Promise<void>
}

const START_MS = 110_000
const STOP_MS = 3000

/** Starts a program in a project, and resolves when it answers. Rejects with its output when it does not. */
export async function startProgram(
  program: Program,
  { project, environment }: { readonly project: Project; readonly environment: Readonly<Record<string, string>> },
): Promise<ProgramProcess> {
  const port = await findFreePort()
  const start = { project, file: program.file, port, environment }
  const [command, ...args] = await RUNTIMES[program.runtime](start)
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(command, args, {
    cwd: project.directory,
    // A group of its own, to be ended with all its children.
    detached: true,
    // Offline, so that no runtime installs what it misses.
    env: { PATH, HOME, NEXT_TELEMETRY_DISABLED: '1', npm_config_offline: 'true', PORT: String(port), ...environment },
  })
  const end = () => signal(child, 'SIGKILL')
  process.once('exit', end)
  const output = readOutput(child)
  const url = `http://127.0.0.1:${port}${program.prefix ?? ''}`
  const stop = async () => {
    process.off('exit', end)
    await stopGroup(child)
  }
  try {
    await Promise.race([untilAnswered(url, child), untilEnded(child)])
  } catch (error) {
    await stop()
    throw new Error(`${program.name} did not start:\n${output()}`, { cause: error })
  }
  return { port, url, output, stop }
}

function readOutput(child: ChildProcess): () => string {
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      text += chunk
    })
  }
  return () => text
}

/** Resolves when the program answers, or has ended. */
async function untilAnswered(url: string, child: ChildProcess): Promise<void> {
  const ask = async () =>
    child.exitCode ?? fetch(`${url}/webhooks/persona/health`, { signal: AbortSignal.timeout(START_MS) })
  await vi.waitFor(ask, { timeout: START_MS, interval: 50 })
}

async function untilEnded(child: ChildProcess): Promise<never> {
  const [code] = await once(child, 'exit')
  throw new Error(`It ended with ${code}.`)
}

async function stopGroup(child: ChildProcess): Promise<void> {
  const isRunning = child.exitCode === null && child.signalCode === null
  const exited = isRunning ? once(child, 'exit') : undefined
  signal(child, 'SIGTERM')
  const timer = setTimeout(() => signal(child, 'SIGKILL'), STOP_MS)
  await exited
  clearTimeout(timer)
  signal(child, 'SIGKILL')
}

/** Reaches the whole group, unless nobody of it is left. */
function signal({ pid }: ChildProcess, name: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, name)
  } catch {}
}
