import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { KycError } from '@persona-kyc/core'

const START_TIMEOUT_MS = 30_000
const STOP_TIMEOUT_MS = 10_000

/**
 * A shell that ends anvil when its file 3 is closed: at `stop`, or by the system when the process that holds the other end is
 * gone, however it went. That needs no handler of signals, and works after SIGKILL. Anvil keeps the states of past blocks below
 * its home, gigabytes of them, and never removes them: so it has a home of its own, which goes with it.
 */
const WATCHDOG = `
"$@" 3<&- & anvil=$!
{ read -r _ <&3; kill "$anvil"; } 2>/dev/null & watchdog=$!
exec 3<&-
wait "$anvil"; code=$?
kill "$watchdog" 2>/dev/null; wait "$watchdog" 2>/dev/null
rm -rf "$HOME"
exit "$code"`

/** An anvil that listens. */
export interface AnvilProcess {
  readonly port: number
  /** What it printed up to there: its accounts, among others. */
  readonly banner: string
  /** Resolves when it has ended, with its state written where it keeps one. */
  stop(): Promise<void>
}

/** Starts the program and resolves when it listens. Rejects with a KycError (`chain_unreachable`) with its last words. */
export async function spawnAnvil(program: string, args: readonly string[]): Promise<AnvilProcess> {
  const home = await mkdtemp(join(tmpdir(), 'persona-kyc-anvil-'))
  const start = process.platform === 'win32' ? spawnAlone : spawnWatched
  const child = start(program, { args, home })
  // An error of spawn shows as an end without a pid.
  child.once('error', () => {})
  const banner = await readBanner(child).catch(async (error: unknown) => {
    await stopAnvil(child, home)
    throw error
  })
  letGo(child)
  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= stopAnvil(child, home)
    return stopping
  }
  return { port: Number(LISTENING.exec(banner)?.[1]), banner, stop }
}

const LISTENING = /^Listening on 127\.0\.0\.1:(\d+)$/m

interface Place {
  readonly args: readonly string[]
  /** A folder of its own. */
  readonly home: string
}

function spawnWatched(program: string, { args, home }: Place): ChildProcess {
  // In its own session: Ctrl-C in the terminal is for the app, which may still send transactions while it shuts down.
  return spawn('/bin/sh', ['-c', WATCHDOG, 'sh', program, ...args], {
    ...surroundings(home),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
}

/** On Windows a child that is not detached ends with its parent: libuv puts both into one job. */
function spawnAlone(program: string, { args, home }: Place): ChildProcess {
  return spawn(program, args, { ...surroundings(home), stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true })
}

/** Neither the app's secrets, nor the .env and the foundry.toml that anvil would read in the app's directory. */
function surroundings(home: string) {
  const { PATH, TMPDIR, TEMP, SystemRoot } = process.env
  return { cwd: home, env: { PATH, HOME: home, USERPROFILE: home, TMPDIR, TEMP, SystemRoot, NO_COLOR: '1' } }
}

async function readBanner(child: ChildProcess): Promise<string> {
  let output = ''
  const listens = new Promise<void>((resolve) => {
    const read = (chunk: Buffer) => {
      output += chunk
      if (LISTENING.test(output)) resolve()
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
  })
  const ended = once(child, 'close').catch(() => {})
  await Promise.race([listens, ended, delay(START_TIMEOUT_MS, undefined, { ref: false })])
  child.stdout?.removeAllListeners('data')
  child.stderr?.removeAllListeners('data')
  if (LISTENING.test(output)) return output
  throw new KycError('chain_unreachable', {
    problem: `The local chain did not start. Its output ends:\n${output.trim().split('\n').slice(-8).join('\n')}\n`,
    fix: 'Mend what it says.',
  })
}

/** Its output is read to the end, for a full pipe would halt it, but does not keep this process alive. */
function letGo(child: ChildProcess): void {
  child.unref()
  child.stdout?.resume()
  child.stderr?.resume()
  for (const stream of child.stdio) (stream as Socket | null | undefined)?.unref()
}

async function stopAnvil(child: ChildProcess, home: string): Promise<void> {
  await endAnvil(child)
  await rm(home, { recursive: true, force: true })
}

async function endAnvil(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return
  child.ref()
  const exit = once(child, 'exit')
  const lifeline = child.stdio[3]
  if (lifeline) lifeline.destroy()
  else child.kill()
  await Promise.race([exit, delay(STOP_TIMEOUT_MS, undefined, { ref: false })])
  if (!hasEnded(child)) killGroup(child)
  await exit
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return
  process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL')
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null
}
