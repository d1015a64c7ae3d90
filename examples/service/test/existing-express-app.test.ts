import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findFreePort } from '../../../test-setup/free-port.js'
import { applyDiff, type Block, readBlocks, toFile, toPromises } from './page.js'
import { createPageProject, type PageProgram, type PageProject } from './page-project.js'
import { createStage } from './stage.js'

// Runs docs/existing-express-app.md as a reader would: its files, its changes, and its lines of a shell, in their order.

const SECRET = 'wbhsec_of_the_page_0123456789'
const TOKEN = 'token-of-the-page-0123456789'
const blocks = await readBlocks(new URL('../../../docs/existing-express-app.md', import.meta.url))

const of = (language: string, heading = ''): Block[] =>
  blocks.filter((block) => block.language === language && block.heading.includes(heading))
const shellOf = (heading: string, index = 0): string => of('sh', heading)[index]?.code ?? expect.unreachable(heading)
const [mountBefore, keepBytes, nameProxy] = of('diff')

/** The files of the page, with these of its changes. */
function createFiles(...diffs: (Block | undefined)[]): Map<string, string> {
  const files = new Map(of('ts').map((block) => [toFile(block).name, toFile(block).text]))
  for (const diff of diffs) applyDiff(diff ?? expect.unreachable(), files)
  return files
}

/** A project in which the page was followed up to the tables, on a database and a fake Persona of its own. */
async function follow() {
  const stage = await createStage()
  const project = await createPageProject()
  const port = await findFreePort()
  const prefix = `http://127.0.0.1:${port}/api`
  // The page knows one role, the tables' owner.
  const { MIGRATION_DATABASE_URL, ...others } = stage.environment
  const values: Record<string, string> = {
    ...others,
    ...(MIGRATION_DATABASE_URL !== undefined && { DATABASE_URL: MIGRATION_DATABASE_URL }),
    PORT: String(port),
    PERSONA_WEBHOOK_SECRET: SECRET,
    COMPLIANCE_API_TOKEN: TOKEN,
    KYC_ENCRYPTION_KEYS: `k1:${Buffer.alloc(32, 7).toString('base64')}`,
    KYC_WEBHOOK_URL: `${prefix}/webhooks/persona/inquiry`,
  }
  const names = [...(of('ini')[0]?.code ?? '').matchAll(/^(\w+)=/gm)].map(([, name = '']) => name)
  expect(names.sort()).toEqual(Object.keys(values).sort())
  await project.write('.env', names.map((name) => `${name}=${values[name]}\n`).join(''))
  await project.run(shellOf('Install'))
  const environment = shellOf('environment')
  await project.run(environment + shellOf('tables'))
  return { stage, project, prefix, environment }
}

/** Fails unless the lines print what the page says, in that order. */
async function expectPromised(project: PageProject, lines: string): Promise<void> {
  const printed = (await project.run(lines)).split('\n')
  const promised = toPromises(lines)
  expect(promised).not.toEqual([])
  expect(printed.filter((line) => promised.includes(line))).toEqual(promised)
}

async function listVerified(prefix: string): Promise<string[]> {
  const headers = { authorization: `Bearer ${TOKEN}` }
  const response = await fetch(`${prefix}/compliance/kyc?status=verified`, { headers })
  const { cases } = (await response.json()) as { cases: { user_id: string }[] }
  return cases.map(({ user_id }) => user_id)
}

describe('the page about an Express app that is there already', () => {
  let followed: Awaited<ReturnType<typeof follow>>
  let app: PageProgram | undefined

  beforeAll(async () => {
    followed = await follow()
  }, 120_000)
  afterAll(async () => {
    await app?.stop()
    await followed?.project.remove()
    await followed?.stage.close()
  })

  /** Starts the app of these files, in place of the one before. */
  async function restart(files: ReadonlyMap<string, string>): Promise<void> {
    const { project, environment } = followed
    await app?.stop()
    for (const [name, text] of files) await project.write(name, text)
    app = await project.start(environment + shellOf('Mount'))
  }

  it('installs what its files import', () => {
    const imports = of('ts').flatMap(({ code }) => [...code.matchAll(/from '([^'.]+)'/g)].map(([, name = '']) => name))
    const installed = shellOf('Install').trim().split(' ').slice(2)
    expect(imports.filter((name) => name !== 'express' && !installed.includes(name))).toEqual([])
  })

  it('leads to signed webhooks, the command line, and the first user, and the app’s own routes go on', async () => {
    const { stage, project, prefix, environment } = followed
    await restart(createFiles(mountBefore))
    await expectPromised(project, environment + shellOf('Try it'))
    const url = `${prefix}/webhooks/persona/inquiry`
    stage.persona.fake.webhooks.subscribe({ url, secrets: SECRET })
    await expectPromised(project, environment + shellOf('Set up the webhook'))
    await project.run(environment + shellOf('The first user'))
    const deliveries = await stage.persona.fake.webhooks.deliverAll()
    expect(deliveries.length).toBeGreaterThan(2)
    expect(deliveries.map(({ status }) => status)).toEqual(deliveries.map(() => 200))
    expect(await listVerified(prefix)).toEqual(['user_1', 'user_2'])
  }, 180_000)

  it('leads to signed webhooks as well where express.json() has to come first', async () => {
    await restart(createFiles(keepBytes))
    await expectPromised(followed.project, followed.environment + shellOf('Try it'))
  }, 60_000)

  it('lets through only what came to the proxy by HTTPS', async () => {
    await restart(createFiles(mountBefore, nameProxy))
    await expectPromised(followed.project, followed.environment + shellOf('proxy'))
  }, 60_000)
})
