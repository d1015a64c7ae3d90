import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test, vi } from 'vitest'
import { withClient } from '../src/postgres/client.js'
import { dataDirectoryIn } from '../src/postgres/directory.js'
import { createDatabase, type RunningPostgres, type StartPostgresOptions, startPostgres } from '../src/postgres.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
let temporary: string

beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'persona-kyc-test-'))
  // As root, Postgres runs as another account, which must be able to pass.
  await chmod(temporary, 0o755)
})

afterAll(async () => {
  await rm(temporary, { recursive: true, force: true })
})

function newDirectory(): string {
  return join(temporary, randomUUID(), 'postgres')
}

async function start(options: StartPostgresOptions = {}): Promise<RunningPostgres> {
  const server = await startPostgres(options)
  onTestFinished(() => server.stop())
  return server
}

async function evaluate(url: string, sql: string): Promise<unknown> {
  const { rows } = await withClient(url, (client) => client.query(`select (${sql}) as value`))
  return rows[0]?.value
}

async function execute(url: string, sql: string): Promise<void> {
  await withClient(url, (client) => client.query(sql))
}

/** Without those that have ended but whose parent has not noticed. */
function isRunning(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })
  return stdout.trim() !== '' && !stdout.startsWith('Z')
}

/** Another Node that starts Postgres in the directory and then lives until it is killed. */
async function startInAnotherProcess(
  options: StartPostgresOptions,
  whatNext = 'setInterval(() => {}, 60_000)',
): Promise<{ node: ChildProcess; url: string }> {
  const program = `import { startPostgres } from '${root}packages/testing/src/postgres.ts'
    const server = await startPostgres(${JSON.stringify(options)})
    console.log(server.url)
    ${whatNext}`
  const node = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', program], {
    cwd: root,
    env: { ...process.env, TSX_TSCONFIG_PATH: join(root, 'tsconfig.json') },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(async () => {
    if (node.exitCode === null && node.signalCode === null) await kill(node)
    // The next start stops what the killed one left running.
    await (await startPostgres(options)).stop()
  })
  const [url] = await once(createInterface(node.stdout), 'line')
  return { node, url: String(url) }
}

async function kill(node: ChildProcess): Promise<void> {
  const exit = once(node, 'exit')
  node.kill('SIGKILL')
  await exit
}

async function postmasterPid(directory: string): Promise<number> {
  return Number((await readFile(join(dataDirectoryIn(directory), 'postmaster.pid'), 'utf8')).split('\n')[0])
}

describe('a throw-away Postgres', () => {
  test('listens on loopback only, behind its password, and is gone after stop', async () => {
    const server = await start()
    const data = String(await evaluate(server.url, "current_setting('data_directory')"))
    expect(await evaluate(server.url, "current_setting('listen_addresses')")).toBe('127.0.0.1')
    expect(await evaluate(server.url, "current_setting('unix_socket_directories')")).toBe('')
    expect(await evaluate(server.url, "current_setting('fsync')")).toBe('off')
    expect(server.port).toBe(Number(new URL(server.url).port))
    const wrong = new URL(server.url)
    wrong.password = 'wrong'
    await expect(evaluate(wrong.href, '1')).rejects.toThrow('password authentication failed')
    await server.stop()
    expect(existsSync(data)).toBe(false)
    await expect(evaluate(server.url, '1')).rejects.toThrow('ECONNREFUSED')
  })

  test('can be stopped twice, and with connections open', async () => {
    const server = await start()
    await withClient(server.url, async (client) => {
      await Promise.all([server.stop(), server.stop()])
      await expect(client.query('select 1')).rejects.toThrow()
    }).catch(() => {})
    await server.stop()
  })

  test('starts four at a time, each with its own data', async () => {
    const servers = await Promise.all([start(), start(), start(), start()])
    await Promise.all(servers.map(({ url }, index) => execute(url, `create table only_${index} ()`)))
    const tables = servers.map(({ url }) =>
      evaluate(url, "select string_agg(relname, ',') from pg_class where relname like 'only_%'"),
    )
    expect(await Promise.all(tables)).toEqual(['only_0', 'only_1', 'only_2', 'only_3'])
  })

  test('of a killed process is stopped and removed by the next start', async () => {
    const { node, url } = await startInAnotherProcess({})
    const data = String(await evaluate(url, "current_setting('data_directory')"))
    const pid = await postmasterPid(join(data, '..', '..'))
    await kill(node)
    await start()
    expect(isRunning(pid)).toBe(false)
    expect(existsSync(data)).toBe(false)
  })
})

describe('a persistent Postgres', () => {
  test('keeps its data, its password and its durability over a restart', async () => {
    const directory = newDirectory()
    const messages: string[] = []
    const first = await start({ directory, database: 'an "app"', onProgress: (message) => messages.push(message) })
    await execute(first.url, 'create table kept as select 42 as answer')
    expect(await evaluate(first.url, 'current_database()')).toBe('an "app"')
    expect(await evaluate(first.url, "current_setting('fsync')")).toBe('on')
    await first.stop()
    const second = await start({ directory, database: 'an "app"', onProgress: (message) => messages.push(message) })
    expect(await evaluate(second.url, 'select answer from kept')).toBe(42)
    expect(new URL(second.url).password).toBe(new URL(first.url).password)
    expect(messages).toEqual(['unpacking', 'starting', 'starting'])
  })

  test('is taken over, with its data, from a process that was killed', async () => {
    const directory = newDirectory()
    const { node, url } = await startInAnotherProcess({ directory })
    await execute(url, 'create table kept as select 42 as answer')
    const orphan = await postmasterPid(directory)
    await kill(node)
    expect(isRunning(orphan)).toBe(true)
    const next = await start({ directory })
    expect(isRunning(orphan)).toBe(false)
    expect(await evaluate(next.url, 'select answer from kept')).toBe(42)
  })

  test('lets a process end, and ends with it, though nobody stopped it', async () => {
    const directory = newDirectory()
    const { node, url } = await startInAnotherProcess({ directory }, '')
    if (node.exitCode === null) await once(node, 'exit')
    expect(node.exitCode).toBe(0)
    await vi.waitFor(() => expect(evaluate(url, '1')).rejects.toThrow('ECONNREFUSED'), {
      timeout: 10_000,
      interval: 20,
    })
  })

  test('lets a process end after stop', async () => {
    const directory = newDirectory()
    const { node, url } = await startInAnotherProcess({ directory }, 'await server.stop()')
    if (node.exitCode === null) await once(node, 'exit')
    expect(node.exitCode).toBe(0)
    await expect(evaluate(url, '1')).rejects.toThrow('ECONNREFUSED')
  })

  test('is refused, by name of its owner, while its owner lives', async () => {
    const directory = newDirectory()
    const { node, url } = await startInAnotherProcess({ directory })
    await expect(startPostgres({ directory })).rejects.toMatchObject({
      name: 'ConfigurationError',
      message: expect.stringMatching(
        new RegExp(`in use by process ${node.pid} .*another directory, or set DATABASE_URL`),
      ),
    })
    expect(await evaluate(url, '1')).toBe(1)
  })

  test('is refused to a second start of the same process, and free again after stop', async () => {
    const directory = newDirectory()
    const first = await start({ directory })
    await expect(startPostgres({ directory })).rejects.toThrow('in use by this very process')
    await first.stop()
    await start({ directory })
  })

  test('goes to exactly one of many that race for what a killed process left', async () => {
    const directory = newDirectory()
    const { node } = await startInAnotherProcess({ directory })
    await kill(node)
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => start({ directory })))
    const started = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    expect(started).toHaveLength(1)
    await Promise.all(started.map(({ url }) => execute(url, 'select 1')))
  })

  test('is made anew when its making was interrupted', async () => {
    const directory = newDirectory()
    const unfinished = join(directory, 'run-999999999-1-abcdef')
    await mkdir(join(unfinished, 'data', 'base'), { recursive: true })
    await writeFile(join(unfinished, 'data', 'PG_VERSION'), '18\n')
    const server = await start({ directory })
    expect(await evaluate(server.url, '1')).toBe(1)
    expect((await readdir(directory)).sort()).toEqual(['cluster', 'owner-1.json', 'postgres.log'])
  })

  test('works below a directory that other accounts cannot enter', async () => {
    const closed = join(temporary, randomUUID())
    await mkdir(closed, { mode: 0o700 })
    const directory = join(closed, 'postgres')
    const first = await start({ directory })
    await execute(first.url, 'create table kept as select 42 as answer')
    const home = join(String(await evaluate(first.url, "current_setting('data_directory')")), '..', '..')
    onTestFinished(() => rm(home, { recursive: true, force: true }))
    await expect(startPostgres({ directory })).rejects.toThrow(`${directory} is in use`)
    await first.stop()
    const second = await start({ directory })
    expect(await evaluate(second.url, 'select answer from kept')).toBe(42)
  })

  test('never signals a process that is not its own postmaster, though the pid file names it', async () => {
    const directory = newDirectory()
    await (await start({ directory })).stop()
    const bystander = spawn('sleep', ['60'])
    onTestFinished(() => void bystander.kill())
    const data = dataDirectoryIn(directory)
    await writeFile(join(data, 'postmaster.pid'), `${bystander.pid}\n${data}\n1\n1\n\n127.0.0.1\n\nready\n`)
    const server = await start({ directory })
    expect(await evaluate(server.url, '1')).toBe(1)
    expect(bystander.signalCode).toBe(null)
  })

  test('that does not start says why, with the end of its log', async () => {
    const directory = newDirectory()
    await (await start({ directory })).stop()
    await writeFile(join(dataDirectoryIn(directory), 'postgresql.conf'), 'no_such_setting = 1\n')
    await expect(startPostgres({ directory })).rejects.toThrow(/Postgres did not start.*no_such_setting/s)
    await expect(startPostgres({ directory })).rejects.toThrow('Postgres did not start')
  })
})

describe('createDatabase', () => {
  test('makes a database of its own name, which drop removes although somebody is connected', async () => {
    const admin = inject('databaseUrl')
    const [one, two] = await Promise.all([createDatabase(admin), createDatabase(admin)])
    const name = String(await evaluate(one.url, 'current_database()'))
    expect(name).toMatch(/^persona_kyc_test_\d+_[0-9a-f_]+$/)
    expect(two.url).not.toBe(one.url)
    await withClient(two.url, () => two.drop()).catch(() => {})
    await one.drop()
    expect(await evaluate(admin, `select count(*)::int from pg_database where datname = '${name}'`)).toBe(0)
  })

  test('copies a template', async () => {
    const admin = inject('databaseUrl')
    const template = await createDatabase(admin)
    await execute(template.url, 'create table copied as select 42 as answer')
    const copy = await createDatabase(admin, { template: new URL(template.url).pathname.slice(1) })
    expect(await evaluate(copy.url, 'select answer from copied')).toBe(42)
    await copy.drop()
    await template.drop()
  })
})
