import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { chown, mkdtemp, readdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import createKnex from 'knex'

/** Why an attack cannot run on this machine: it is skipped, with these words. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable'
}

const run = promisify(execFile)

/** Who runs servers that refuse to run as root. Null: whoever we are. */
async function findAccount(): Promise<{ readonly uid: number; readonly gid: number } | null> {
  if (process.getuid?.() !== 0) return null
  const [uid, gid] = await Promise.all([run('id', ['-u', 'postgres']), run('id', ['-g', 'postgres'])]).catch(() => {
    throw new Unavailable('this is root, and there is no user postgres to run servers as')
  })
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
}

/** An empty directory that the servers' account owns. */
export async function createDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'persona-kyc-attack-'))
  const account = await findAccount()
  if (account !== null) await chown(directory, account.uid, account.gid)
  return directory
}

/** Runs a program of PostgreSQL to its end, as the servers' account. Rejects when it fails. */
export async function runProgram(program: string, args: readonly string[]): Promise<void> {
  // Not its output: what pg_ctl leaves running keeps the pipe open.
  const child = spawn(await findProgram(program), [...args], {
    ...(await findAccount()),
    stdio: 'ignore',
    cwd: '/',
    env: ENVIRONMENT,
  })
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', resolve)
  })
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}.`)
}

/** Starts a program that stays, as the servers' account. */
export async function startProgram(program: string, args: readonly string[]): Promise<ChildProcess> {
  return spawn(program, [...args], { ...(await findAccount()), stdio: 'ignore', env: ENVIRONMENT })
}

const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/bin', LC_ALL: 'C' }

/** Where PostgreSQL's programs are: Debian keeps each version's in a folder of its own. */
async function findProgram(name: string): Promise<string> {
  const root = '/usr/lib/postgresql'
  const versions = await readdir(root).catch(() => [])
  const newest = versions.sort((left, right) => Number(right) - Number(left))[0]
  if (newest === undefined) throw new Unavailable(`there is no PostgreSQL in ${root}`)
  return join(root, newest, 'bin', name)
}

/** A port that is free now. */
export function findPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

/** Resolves when a connection to that URL answers. */
export async function untilAnswers(url: string): Promise<void> {
  const deadline = Date.now() + 30_000
  for (;;) {
    const knex = createKnex({ client: 'pg', connection: url, pool: { min: 0, max: 1 }, log: { warn() {}, error() {} } })
    const answer = await knex.raw('select 1').catch((error: unknown) => error)
    await knex.destroy()
    if (!(answer instanceof Error)) return
    if (Date.now() > deadline) throw answer
  }
}
