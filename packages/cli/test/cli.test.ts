import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createKycEngine, createPersonaClient, type KycEngine } from '@persona-kyc/core'
import { createGrants, createKnexStorage, MIGRATION_NAMES } from '@persona-kyc/storage-knex'
import { createInquiryEvent, type FakePersonaServer, startFakePersonaServer } from '@persona-kyc/testing'
import createKnex, { type Knex } from 'knex'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { type AppDatabase, createAppDatabase, migrateForApp } from '../../../test-setup/app-database.js'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const WEBHOOK_URL = 'https://app.example/webhooks/persona/inquiry'
// Each command is a process of its own, and some tests run several.
vi.setConfig({ testTimeout: 120_000 })

const PATIENT = { timeout: 60_000 }
const SECRET_CANARY = 'wbhsec_canary-of-the-cli'
const URL_CANARY = 'postgres://app:secret-canary@127.0.0.1:1/kyc'

let database: AppDatabase
let owner: Knex
let knex: Knex
let persona: FakePersonaServer
let engine: KycEngine

beforeAll(async () => {
  database = await createAppDatabase()
  owner = createKnex({ client: 'pg', connection: database.ownerUrl, pool: { min: 0, max: 2 } })
  knex = createKnex({ client: 'pg', connection: database.appUrl, pool: { min: 0, max: 4 } })
  persona = await startFakePersonaServer()
  await migrateForApp(owner)
  engine = createKycEngine({
    persona: createPersonaClient({ apiKey: persona.fake.apiKey, baseUrl: persona.baseUrl }),
    storage: createKnexStorage({ knex }),
    templateId: 'itmpl_cli',
    webhookSecrets: SECRET_CANARY,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  })
})

afterAll(async () => {
  await knex.destroy()
  await owner.destroy()
  await persona.close()
  await database.drop()
})

describe('persona-kyc', () => {
  it('lists its commands, and tells of one', async () => {
    const { code, stdout } = await run(['--help'])
    expect(code).toBe(0)
    for (const name of ['migrate', 'doctor', 'reconcile', 'replay', 'dead-letters', 'check-webhook', 'retain']) {
      expect(stdout).toContain(name)
    }
    expect((await run(['reconcile', '--help'])).stdout).toContain('quiet-for')
    expect((await run([])).code).toBe(2)
  })

  it.each([
    [['sideways'], {}, /There is no command "sideways"/],
    [['migrate', 'sideways'], {}, /There is no "migrate sideways"/],
    [['migrate', '--shcema', 'x'], {}, /There is no option --shcema/],
    [['migrate', 'up', 'and', 'down'], {}, /one argument too many/],
    [['migrate'], { DATABASE_URL: '' }, /DATABASE_URL is not set/],
    [['migrate'], { DATABASE_URL: 'mysql://x/y' }, /DATABASE_URL is no URL of a PostgreSQL/],
    [['migrate', '--schema', 'a b'], {}, /not a plain SQL identifier/],
    [['migrate', '--grants'], {}, /no name of a role/],
    [['migrate', '--grants', 'public'], {}, /no name of a role/],
    [['migrate', '--grants', 'app', '--schema', 'a b'], {}, /not a plain SQL identifier/],
    [['migrate', 'down', '--grants', 'app'], {}, /--grants prints SQL, and is no part of status or down/],
    [['reconcile'], { PERSONA_API_KEY: '' }, /PERSONA_API_KEY is not set/],
    [['reconcile'], { PERSONA_TEMPLATE_ID: '' }, /PERSONA_TEMPLATE_ID is not set/],
    [['reconcile', '--quiet-for', 'long'], {}, /--quiet-for must be a whole number/],
    [['reconcile', '--source', 'nothing'], {}, /There is no source/],
    [['replay', '--policy', '/nowhere.json'], {}, /status policy is neither/],
    [['dead-letters', 'replay'], {}, /--consumer NAME/],
    [['check-webhook'], {}, /--url/],
    [['import'], {}, /Give a file/],
    [['import', '/nowhere.ndjson'], {}, /The file cannot be read/],
    [['import', '-', '--after-line', 'x'], {}, /--after-line must be a whole number/],
    [['import', '--since', 'yesterday'], {}, /--since must be a time/],
    [['import', 'x', '--since', '2026-01-01'], {}, /not both/],
    [['import', '--since', '2026-01-01', '--after-line', '7'], {}, /--after-line is for a file/],
    [['import', '--since', '3026-01-01'], {}, /--since lies in the future/],
    [['import', '.'], {}, /This is a directory/],
    [['import', '-'], { PERSONA_TEMPLATE_ID: '' }, /PERSONA_TEMPLATE_ID is not set/],
  ])('says what is wrong with %j %j', async (args, environment, message) => {
    const { code, stdout, stderr } = await run(args, environment)
    expect(stderr).toMatch(message)
    expect(code).not.toBe(0)
    expect(stdout + stderr).not.toMatch(/ {4}at /)
  })

  it.each([
    [URL_CANARY],
    ['migrate', URL_CANARY],
    ['migrate', 'up', URL_CANARY],
    ['migrate', `-p${URL_CANARY}`],
    ['migrate', `--${URL_CANARY}`],
    ['reconcile', '--source', URL_CANARY],
    ['dead-letters', URL_CANARY],
  ])('repeats no argument that may be a secret: %s %s %s', async (...args) => {
    const { code, stdout, stderr } = await run(args)
    expect(code).toBe(2)
    expect(stdout + stderr).not.toContain('secret-canary')
  })

  it('makes a token and its hash, another one each time', async () => {
    const outputs = [await run(['token']), await run(['token'])].map(({ stdout }) => stdout)
    const [[token = '', hash = ''] = [], [other] = []] = outputs.map((text) => text.match(/\S*[0-9a-f]{64}/g) ?? [])
    expect(hash).toBe(`sha256:${createHash('sha256').update(token).digest('hex')}`)
    expect(other).not.toBe(token)
  })

  it('says what is wrong when the database cannot be reached, without the password', async () => {
    const { code, stderr } = await run(['migrate'], { DATABASE_URL: 'postgres://app:secret-canary@127.0.0.1:1/kyc' })
    expect(code).toBe(1)
    expect(stderr).toContain('ECONNREFUSED')
    expect(stderr).not.toContain('secret-canary')
  })
})

describe('persona-kyc migrate', () => {
  it('goes up, tells the state, and goes down', async () => {
    const args = ['--schema', 'by_hand']
    expect((await run(['migrate', 'status', ...args])).stdout).toContain('missing')
    expect((await run(['migrate', ...args])).stdout).toContain(`applied ${MIGRATION_NAMES[0]}`)
    expect((await run(['migrate', 'up', ...args])).stdout).toContain('Nothing to do')
    expect((await run(['migrate', 'status', ...args])).stdout).not.toContain('missing')
    expect((await run(['migrate', 'down', ...args])).stdout).toContain(`took back ${MIGRATION_NAMES.at(-1)}`)
  })
})

describe('persona-kyc migrate --grants', () => {
  it('prints SQL alone, and asks no database', async () => {
    const role = 'app"; drop schema public; --'
    const { code, stdout, stderr } = await run(['migrate', `--grants=${role}`, '--schema', 'kyc'], { DATABASE_URL: '' })
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toBe(createGrants({ role, schema: 'kyc' }))
  })
})

describe('persona-kyc reconcile', () => {
  it('brings what no webhook brought, and says what it moved', async () => {
    const { kycCase } = await engine.initiateKyc({ userId: 'user-reconcile', documentType: 'passport' })
    persona.fake.inquiries.simulate(
      kycCase.personaInquiryId ?? '',
      'start_inquiry',
      'complete_inquiry',
      'approve_inquiry',
    )
    const { code, stdout } = await run(['reconcile', '--quiet-for', '0'])
    expect(stdout).toContain(`${kycCase.id}  pending -> verified`)
    expect(stdout).toContain('Done.')
    expect(code).toBe(0)
    expect((await engine.getCase(kycCase.id)).status).toBe('verified')
    expect((await run(['reconcile', '--quiet-for', '0'])).stdout).toContain('0 cases moved')
  })

  it('names the migrations when they were not run', async () => {
    const { code, stderr } = await run(['reconcile', '--schema', 'nowhere'])
    expect([code, stderr]).toEqual([1, expect.stringContaining('npx persona-kyc migrate')])
  })
})

describe('persona-kyc replay', () => {
  it('moves cases to what another policy makes of their events', async () => {
    const { kycCase } = await engine.initiateKyc({ userId: 'user-replay', documentType: 'passport' })
    persona.fake.inquiries.simulate(kycCase.personaInquiryId ?? '', 'start_inquiry', 'complete_inquiry')
    await run(['reconcile', '--quiet-for', '0'])
    const { stdout } = await run(['replay', '--policy', 'decision'])
    expect(stdout).toContain(`${kycCase.id}  verified -> pending  (replay.`)
    expect((await run(['replay', '--policy', 'decision'])).stdout).toContain('0 cases moved')
    expect((await run(['replay'], { KYC_STATUS_POLICY: 'completed' })).stdout).toContain('pending -> verified')
  })
})

describe('persona-kyc import', () => {
  it('records a history from a file, tells what it is not, and goes on after a line', async () => {
    const { kycCase } = await engine.initiateKyc({ userId: 'user-import', documentType: 'passport' })
    const events = ['started', 'completed', 'declined'].map((name, index) =>
      createInquiryEvent({
        name: `inquiry.${name}`,
        inquiryId: kycCase.personaInquiryId ?? '',
        referenceId: kycCase.id,
        templateId: 'itmpl_cli',
        eventId: `evt_import_${index}`,
        createdAt: Date.now() + index,
      }),
    )
    const directory = await mkdtemp(join(tmpdir(), 'persona-kyc-import-'))
    onTestFinished(() => rm(directory, { recursive: true }))
    const file = join(directory, 'events.ndjson')
    await writeFile(file, [...events.map((event) => JSON.stringify(event)), 'canary that is no JSON', ''].join('\n'))
    const first = await run(['import', file])
    expect(first).toMatchObject({ code: 1 })
    expect(first.stdout).toMatch(/Not one whole event with its time as JSON.*, in the lines 4\n/)
    expect(first.stdout).toContain('3 events recorded, 0 were there, 1 unreadable')
    expect(first.stdout + first.stderr).not.toContain('canary')
    expect((await engine.getCase(kycCase.id)).status).toBe('rejected')
    const { stdout } = await run(['import', file, '--after-line', '2'])
    expect(stdout).toContain('0 events recorded, 1 were there, 1 unreadable')
    await writeFile(file, JSON.stringify(events[0]))
    expect(await run(['import', file])).toMatchObject({ code: 0 })
  })

  it('ends in order when it is interrupted, also while whoever writes into its input says nothing', async () => {
    const event = createInquiryEvent({ name: 'inquiry.started', inquiryId: 'inq_piped', eventId: 'evt_piped' })
    const { code, stdout, stderr } = await run(['import', '-'], {}, async (child) => {
      child.stdin.write(`${JSON.stringify(event)}\n`)
      await vi.waitUntil(
        async () => (await knex('persona_kyc.kyc_events').where('id', 'evt_piped')).length > 0,
        PATIENT,
      )
      child.kill('SIGINT')
    })
    expect(stderr).toContain('Ended after line 1. To go on, run it again with --after-line 1.')
    expect(stdout).toContain('1 events recorded')
    expect(code).toBe(1)
  })

  it('passes over a line without an end in little memory, and refuses to go on after a line that is not there', async () => {
    const event = createInquiryEvent({ name: 'inquiry.started', inquiryId: 'inq_long', eventId: 'evt_long' })
    const { code, stdout } = await run(['import', '-'], { NODE_OPTIONS: '--max-old-space-size=200' }, async (child) => {
      child.stdin.write(`${JSON.stringify(event)}\r\n`)
      const piece = Buffer.alloc(2 ** 20, ' ')
      for (let index = 0; index < 600; index++) if (!child.stdin.write(piece)) await once(child.stdin, 'drain')
      child.stdin.end(`\n${JSON.stringify({ ...event, data: { ...event.data, id: 'evt_long_2' } })}`)
    })
    expect(stdout).toContain('2 events recorded, 0 were there, 1 unreadable')
    expect(stdout).toMatch(/, in the lines 2\n/)
    expect(code).toBe(1)

    const beyond = await run(['import', '-', '--after-line', '7'], {}, async (child) => child.stdin.end('1\n2\n'))
    expect(beyond).toMatchObject({ code: 2, stderr: expect.stringContaining('There are 2 lines only.') })
  })

  it('tells where to go on when the database is away, without the password', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'persona-kyc-import-'))
    onTestFinished(() => rm(directory, { recursive: true }))
    const file = join(directory, 'events.ndjson')
    const event = createInquiryEvent({ name: 'inquiry.started', inquiryId: 'inq_away', referenceId: 'nobody' })
    await writeFile(file, `no event\n${JSON.stringify(event)}\n`)
    const { code, stdout, stderr } = await run(['import', file], { DATABASE_URL: URL_CANARY })
    expect(code).toBe(1)
    expect(stderr).toContain('Ended after line 1. To go on, run it again with --after-line 1.')
    expect(stdout + stderr).not.toContain('secret-canary')
  })

  it('asks Persona for its events, further back than the last run', async () => {
    const { kycCase } = await engine.initiateKyc({ userId: 'user-import-2', documentType: 'passport' })
    persona.fake.inquiries.simulate(kycCase.personaInquiryId ?? '', 'start_inquiry', 'complete_inquiry')
    const { code, stdout } = await run(['import', '--since', '2020-01-01'])
    expect(code).toBe(0)
    expect(stdout).toContain(`${kycCase.id}  pending -> verified`)
  })
})

describe('persona-kyc consumers and dead-letters', () => {
  it('lists what a follower has put aside, and has it handled again', async () => {
    const stop = new AbortController()
    let isBroken = true
    const handled: string[] = []
    const following = engine.follow(
      'by-hand',
      async ({ caseId }) => {
        if (isBroken) throw new TypeError('canary of the handler')
        handled.push(caseId)
      },
      { signal: stop.signal, maxAttempts: 1, pollMs: 20, retryMs: 1 },
    )
    await expect.poll(async () => (await engine.listDeadLetters()).items.length, PATIENT).toBeGreaterThan(0)
    const { items } = await engine.listDeadLetters({ consumer: 'by-hand' })
    const listed = await run(['dead-letters', 'list', '--consumer', 'by-hand'])
    expect(listed.stdout).toContain(`${items[0]?.transition.caseId}/1`)
    expect(listed.stdout).toContain('TypeError')
    expect(listed.stdout).not.toContain('canary')
    expect((await run(['consumers'])).stdout).toMatch(/by-hand {2}leased until/)
    isBroken = false
    expect((await run(['dead-letters', 'replay', '--consumer', 'by-hand'])).stdout).toContain('are due')
    await expect.poll(async () => (await engine.listDeadLetters()).items, PATIENT).toEqual([])
    stop.abort()
    await following
    expect(handled).toContain(items[0]?.transition.caseId)
    expect((await run(['dead-letters', 'list'])).stdout).toContain('There are no dead letters.')
  })
})

describe('persona-kyc check-webhook', () => {
  it('tells each difference and its fix, and never a secret', async () => {
    expect((await run(['check-webhook', '--url', WEBHOOK_URL])).stdout).toContain('Add the webhook')
    const subscription = { url: WEBHOOK_URL, secrets: SECRET_CANARY }
    persona.fake.webhooks.subscribe({ ...subscription, enabledEvents: ['inquiry.completed'], status: 'disabled' })
    const drifted = await run(['check-webhook', '--url', WEBHOOK_URL, '--inflection', 'camel'])
    expect(drifted.code).toBe(1)
    for (const text of ['Enable the webhook', 'inquiry.approved', 'expected camel, found kebab']) {
      expect(drifted.stdout).toContain(text)
    }
    persona.fake.webhooks.subscribe(subscription)
    const fine = await run(['check-webhook'], { KYC_WEBHOOK_URL: `${WEBHOOK_URL}/` })
    expect([fine.code, fine.stdout]).toEqual([0, expect.stringContaining('is as the app expects it')])
    expect(drifted.stdout + fine.stdout).not.toContain('canary')
  })
})

describe('persona-kyc doctor', () => {
  it('finds nothing where all is well', async () => {
    persona.fake.webhooks.subscribe({ url: WEBHOOK_URL, secrets: SECRET_CANARY })
    const { code, stdout } = await run(['doctor'], { KYC_WEBHOOK_URL: WEBHOOK_URL })
    expect(stdout).not.toMatch(/FAIL|warn/)
    expect([code, stdout]).toEqual([0, expect.stringContaining('Nothing keeps the engine from working.')])
  })

  it.each([
    [{ DATABASE_URL: '' }, /FAIL DATABASE_URL is not set/],
    [{ DATABASE_URL: 'postgres://app:secret-canary@127.0.0.1:1/kyc' }, /FAIL PostgreSQL cannot be reached/],
    [{ PERSONA_API_KEY: 'persona_sandbox_wrong' }, /FAIL Persona refuses the API key/],
    [{ PERSONA_API_KEY: '' }, /FAIL PERSONA_API_KEY is not set/],
    [{ PERSONA_ENVIRONMENT: 'production' }, /FAIL .*belongs to sandbox/],
    [{ PERSONA_BASE_URL: 'http://127.0.0.1:1' }, /FAIL Persona’s API cannot be reached/],
    [{ PERSONA_WEBHOOK_SECRET: '' }, /FAIL A webhook secret is missing/],
    [{ PERSONA_WEBHOOK_SECRET: 'secret-canary' }, /warn PERSONA_WEBHOOK_SECRET does not start with wbhsec_/],
    [
      { PERSONA_WEBHOOK_SECRET_FILE: '/nowhere-secret-canary' },
      /FAIL PERSONA_WEBHOOK_SECRET_FILE names a file that cannot/,
    ],
    [{ PERSONA_WEBHOOK_SECRET_FILE: MAIN }, /warn PERSONA_WEBHOOK_SECRET_FILE does not start with wbhsec_/],
    [{ PERSONA_TEMPLATE_ID: '' }, /FAIL PERSONA_TEMPLATE_ID is not set/],
    [{ KYC_ENCRYPTION_KEYS: '' }, /warn KYC_ENCRYPTION_KEYS is not set/],
    [{ KYC_WEBHOOK_URL: 'https://other.example' }, /FAIL no webhook {2}url/],
  ])('says how to mend %j', async (environment, message) => {
    const { stdout, stderr } = await run(['doctor'], environment)
    expect(stdout).toMatch(message)
    expect(stdout + stderr).not.toMatch(/secret-canary| {4}at /)
  })

  it('names missing migrations', async () => {
    const { code, stdout } = await run(['doctor', '--schema', 'nowhere'])
    expect([code, stdout]).toEqual([1, expect.stringMatching(/FAIL \d+ migrations are missing/)])
  })

  it('finds a clock that Persona’s does not agree with', async () => {
    const answer = (request: Request) => persona.fake.fetch(request)
    const late = await startFakePersonaServer({ fake: { ...persona.fake, fetch: withDate(answer, 400_000) } })
    const { stdout } = await run(['doctor'], { PERSONA_BASE_URL: late.baseUrl })
    await late.close()
    expect(stdout).toMatch(/FAIL This clock is (399|400|401) s from Persona’s/)
  })

  it('finds events that came while their month had no partition, which migrate mends, and retain drops', async () => {
    await owner.raw('drop schema if exists aging cascade')
    await run(['migrate', '--schema', 'aging'])
    const month = new Date(Date.UTC(new Date().getUTCFullYear() - 3, 0)).toISOString()
    await owner.raw(
      `insert into aging.kyc_events (id, created_at, name, outcome, received_at)
       values ('evt_1', :month, 'inquiry.created', 'ignored', now()), ('evt_2', now(), 'inquiry.created', 'ignored', now())`,
      { month },
    )
    const doctor = async () => (await run(['doctor', '--schema', 'aging'])).stdout
    expect(await doctor()).toContain('The events of some months have no partition')
    await run(['migrate', '--schema', 'aging'])
    expect(await doctor()).toContain('the events have their partitions')
    const keep = ['retain', '--schema', 'aging', '--months', '24']
    expect((await run([...keep, '--dry-run'])).stdout).toContain(`would drop the events of ${month.slice(0, 7)}`)
    const { code, stdout } = await run(keep)
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`dropped the events of ${month.slice(0, 7)}`),
    })
    expect((await run(keep)).stdout).not.toContain('dropped')
    expect((await owner.raw('select id from aging.kyc_events')).rows).toEqual([{ id: 'evt_2' }])
  })

  it.each([['0'], ['-1'], ['1e2'], ['1201'], ['two']])('refuses to keep %s months', async (months) => {
    const { code, stderr } = await run(['retain', `--months=${months}`])
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('from 1 to 1200') })
  })

  it('finds a database that was loaded from a dump of another cluster, which mend-feed mends', async () => {
    await migrateForApp(owner, 'dumped')
    await owner.raw(`insert into dumped.kyc_transitions select * from persona_kyc.kyc_transitions`)
    await owner.raw(`update dumped.kyc_transitions set feed_xid = '9000000000000'`)
    const doctor = () => run(['doctor', '--schema', 'dumped'])
    expect((await doctor()).stdout).toContain('npx persona-kyc mend-feed')
    const storage = createKnexStorage({ knex, schema: 'dumped' })
    expect((await storage.readFeed({ after: null, limit: 10 })).items).toEqual([])
    expect((await run(['mend-feed', '--schema', 'dumped'])).stdout).toContain('goes on')
    expect((await doctor()).stdout).toContain('the feed is in order')
    // The feed waits for the oldest transaction of the cluster, where other tests run too.
    await expect
      .poll(async () => (await storage.readFeed({ after: null, limit: 10 })).items.length, PATIENT)
      .toBeGreaterThan(0)
    expect((await run(['mend-feed', '--schema', 'dumped'])).stdout).toContain('Nothing to do')
  })
})

function withDate(answer: (request: Request) => Promise<Response>, aheadMs: number) {
  return async (input: Request | URL | string) => {
    const response = await answer(input as Request)
    const headers = new Headers(response.headers)
    headers.set('date', new Date(Date.now() + aheadMs).toUTCString())
    return new Response(response.body, { status: response.status, headers })
  }
}

/** Commands about tables and the feed are for the owner of the tables, the others for the app's role. */
const OF_OWNER = ['migrate', 'doctor', 'mend-feed', 'retain']

async function run(
  args: readonly string[],
  environment: Record<string, string> = {},
  during: (child: ChildProcessWithoutNullStreams) => Promise<unknown> = async () => {},
) {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...args], {
    cwd: ROOT,
    env: {
      ...process.env,
      TSX_TSCONFIG_PATH: 'tsconfig.json',
      DATABASE_URL: OF_OWNER.includes(args[0] ?? '') ? database.ownerUrl : database.appUrl,
      PERSONA_API_KEY: persona.fake.apiKey,
      PERSONA_BASE_URL: persona.baseUrl,
      PERSONA_WEBHOOK_SECRET: SECRET_CANARY,
      PERSONA_TEMPLATE_ID: 'itmpl_cli',
      KYC_ENCRYPTION_KEYS: `k1:${Buffer.alloc(32).toString('base64')}`,
      ...environment,
    },
  })
  const output = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].on('data', (chunk) => {
      output[stream] += chunk
    })
  }
  const closed = once(child, 'close')
  await during(child)
  const [code] = await closed
  return { code, ...output }
}
