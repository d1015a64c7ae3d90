import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A folder of a reader, who has installed what a page says: the packages of this repository are their sources. */
export interface PageProject {
  write(name: string, text: string): Promise<void>
  /** Runs lines of a shell to their end, and resolves with what they print. Rejects where one fails. */
  run(lines: string): Promise<string>
  /** Starts a program by a line of a shell, and resolves when it says that it listens. */
  start(lines: string): Promise<PageProgram>
  remove(): Promise<void>
}

/** A program that runs. */
export interface PageProgram {
  output(): string
  stop(): Promise<void>
}

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** What stands in for the registry and for what it has installed. Whatever else a page calls must be on the machine. */
const COMMANDS = {
  npm: `
    [ "$1" = install ] || exit 2
    shift
    for name in "$@"; do [ -f "${ROOT}node_modules/$name/package.json" ] || { echo "no package $name" >&2; exit 1; }; done`,
  npx: `
    name=$1
    shift
    case "$name" in
      persona-kyc) exec node --import tsx "${ROOT}packages/cli/src/main.ts" "$@" ;;
      tsx) exec node --import tsx "$@" ;;
    esac
    exit 127`,
}

/** Makes a project below the root, where the packages are found, in a folder that git ignores. */
export async function createPageProject(): Promise<PageProject> {
  await mkdir(join(ROOT, '.persona-kyc'), { recursive: true })
  const directory = await mkdtemp(join(ROOT, '.persona-kyc', 'page-'))
  const commands = join(directory, 'bin')
  await mkdir(commands)
  for (const [name, lines] of Object.entries(COMMANDS)) {
    await writeFile(join(commands, name), `#!/bin/sh${lines}\n`)
    await chmod(join(commands, name), 0o755)
  }
  await writeFile(join(directory, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }))
  const { PATH = '', HOME = '' } = process.env
  const options = {
    cwd: directory,
    env: { PATH: `${commands}:${PATH}`, HOME, TSX_TSCONFIG_PATH: join(ROOT, 'tsconfig.json') },
  }
  return {
    write: (name, text) => writeFile(join(directory, name), text),
    run: (lines) => run(lines, options),
    start: (lines) => start(lines, options),
    remove: () => rm(directory, { recursive: true, force: true, maxRetries: 5 }),
  }
}

interface ShellOptions {
  readonly cwd: string
  readonly env: Record<string, string>
}

function run(lines: string, options: ShellOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile('bash', ['-euo', 'pipefail', '-c', lines], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`It failed:\n${lines}\n${stdout}${stderr}`))
    })
  })
}

async function start(lines: string, options: ShellOptions): Promise<PageProgram> {
  // A group of its own, to be ended with all its children.
  const child = spawn('bash', ['-euo', 'pipefail', '-c', lines], { ...options, detached: true })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      text += chunk
    })
  }
  const ended = once(child, 'close')
  const program = { output: () => text, stop: () => stop(child, ended) }
  while (!text.includes('listening')) {
    const winner = await Promise.race([ended.then(() => 'ended'), once(child.stdout, 'data')])
    if (winner === 'ended') throw new Error(`It ended before it listened:\n${text}`)
  }
  return program
}

async function stop({ pid, exitCode, signalCode }: ChildProcess, ended: Promise<unknown>): Promise<void> {
  if (pid === undefined || exitCode !== null || signalCode !== null) return
  process.kill(-pid, 'SIGKILL')
  await ended
}
