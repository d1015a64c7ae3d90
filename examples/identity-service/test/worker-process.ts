import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { vi } from 'vitest'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** The example module, from the root. */
export const WALLETS_MODULE = 'examples/identity-service/user-wallets.example.ts'

/** A worker in a process of its own. */
export interface WorkerProcess {
  /** Everything that it wrote so far, standard error included. */
  output(): string
  /** Resolves with the first match of what it wrote. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>
  /** Resolves with the exit code once it has ended; null after a SIGKILL. */
  readonly ended: Promise<number | null>
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** Starts the worker as `npm run start:identity` does, with these variables and none of ours. */
export function startWorker(environment: Record<string, string>): WorkerProcess {
  return spawnWorker(process.execPath, ['--import', 'tsx', 'examples/identity-service/src/main.ts'], environment)
}

/** Starts it with npm. */
export function startWorkerByNpm(environment: Record<string, string>): WorkerProcess {
  return spawnWorker('npm', ['run', '--silent', 'start:identity'], environment)
}

function spawnWorker(program: string, args: string[], environment: Record<string, string>): WorkerProcess {
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(program, args, {
    cwd: ROOT,
    env: { PATH, HOME, TSX_TSCONFIG_PATH: 'tsconfig.json', LOG_LEVEL: 'trace', ...environment },
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      text += chunk
    })
  }
  // The pipes close when the last process that writes to them has ended.
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return {
    output: () => text,
    ended,
    waitFor: (pattern) =>
      vi.waitFor(
        () => {
          const found = pattern.exec(text)
          if (found === null) throw new Error(`The worker has not written ${pattern}, but:\n${text}`)
          return found
        },
        { timeout: 60_000, interval: 50 },
      ),
    stop(signal = 'SIGTERM') {
      child.kill(signal)
      return ended
    },
  }
}
