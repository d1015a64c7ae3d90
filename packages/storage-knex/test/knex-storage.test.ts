import { inspect } from 'node:util'
import type { KycStorage, NewCase, NewChainTransaction, NewEvent, SealedText } from '@persona-kyc/core'
import { describeStorage } from '@persona-kyc/testing/storage-conformance'
import createKnex, { type Knex } from 'knex'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { migrateForApp } from '../../../test-setup/app-database.js'
import { createKnexStorage } from '../src/knex-storage.js'
import { toStorageError } from '../src/storage-error.js'
import { findBreaches } from './sql-rules.js'
import { useDatabase } from './test-database.js'

const database = useDatabase()
const ADDRESS = `0x${'ab'.repeat(20)}`
const schemas = new Map<KycStorage, string>()
let schemaCount = 0
/** Every statement that the storage has really sent, once. */
const sent = new Set<string>()

describeStorage('createKnexStorage', {
  async create() {
    const schema = `suite_${++schemaCount}`
    await migrateForApp(database.owner, schema)
    database.app.removeAllListeners('query').on('query', ({ sql }: { sql: string }) => sent.add(normalize(sql)))
    const storage = createKnexStorage({ knex: database.app, schema })
    schemas.set(storage, schema)
    return storage
  },
  async beginTransaction(storage) {
    const transaction = await database.app.transaction()
    const schema = schemas.get(storage) ?? 'unknown'
    return {
      storage: createKnexStorage({ knex: transaction, schema }),
      commit: async () => void (await transaction.commit()),
      rollback: async () => void (await transaction.rollback()),
    }
  },
})

describe('createKnexStorage', () => {
  const now = new Date('2026-01-02T03:04:05.678Z')
  let storage: KycStorage
  beforeAll(async () => {
    await migrateForApp(database.owner)
    storage = createKnexStorage({ knex: database.app })
  })

  it('refuses personal data that is not sealed', async () => {
    const plain = 'Ada Canary' as SealedText
    const error = await storage.createCase({ ...newCase('plain'), sealedPersonalData: plain }).catch((thrown) => thrown)
    expect(error).toMatchObject({ name: 'StorageError', code: 'storage_failed' })
    expect(inspect(error, { depth: null, showHidden: true })).not.toContain('Canary')
    expect(await storage.getCase('plain')).toBeNull()
  })

  it('shares a transaction of the app with rows of the app', async () => {
    const { app: knex, owner } = database
    await owner.raw('create table app_rows (name text primary key)')
    await owner.raw('grant all on app_rows to public')
    await knex
      .transaction(async (transaction) => {
        await createKnexStorage({ knex: transaction }).createCase(newCase('shared'))
        await transaction('app_rows').insert({ name: 'shared' })
        throw new Error('the app changes its mind')
      })
      .catch(() => {})
    expect(await storage.getCase('shared')).toBeNull()
    expect(await knex('app_rows').select()).toEqual([])
  })

  it('does nothing in a transaction that has ended: its connection is somebody else’s by then', async () => {
    for (const end of ['commit', 'rollback'] as const) {
      const transaction = await database.app.transaction()
      const storage = createKnexStorage({ knex: transaction })
      await storage.createCase(newCase(`before ${end}`))
      await transaction[end]()
      const late = [storage.createCase(newCase(`after ${end}`)), storage.listCaseEvents('a', { after: null, limit: 1 })]
      for (const work of late) await expect(work).rejects.toMatchObject({ code: 'storage_failed' })
      expect(await createKnexStorage({ knex: database.app }).getCase(`after ${end}`)).toBeNull()
    }
  })

  it('keeps a transaction of the app usable when another process crosses its statement', async () => {
    const { app: knex } = database
    const { id } = (await storage.createCase(newCase('crossed-1'))).kycCase
    const inquiry = {
      inquiryId: 'inq_crossed',
      replaces: null,
      personaStatus: 'created',
      sealedSessionToken: null,
      now,
    }
    await storage.attachInquiry(id, inquiry)
    await storage.recordEvent(newEvent('evt_crossed_1', 'inq_crossed', 'rejected', 1))

    // The same user opens another case in a transaction that has not committed yet.
    const other = await knex.transaction()
    await createKnexStorage({ knex: other }).createCase({ ...newCase('crossed-2'), userId: 'user crossed-1' })
    await knex.transaction(async (transaction) => {
      const { rows } = await transaction.raw('select pg_backend_pid() as pid')
      const reopening = createKnexStorage({ knex: transaction }).recordEvent(
        newEvent('evt_crossed_2', 'inq_crossed', 'review', 2),
      )
      // It waits for that one, whose commit then violates the unique key of the open case.
      await vi.waitUntil(() => isWaiting(knex, rows[0].pid))
      await other.commit()
      expect((await reopening).outcome).toBe('applied')
      await transaction.raw('select 1')
    })
    expect((await storage.getCase(id))?.status).toBe('review')
    expect((await storage.createCase({ ...newCase('crossed-3'), userId: 'user crossed-1' })).kycCase.id).toBe(
      'crossed-2',
    )
  })

  it('keeps a transaction of the app usable when another sender crosses its purpose', async () => {
    const { app: knex } = database
    const open = (storage: KycStorage, digit: string) => {
      const sender = { chainId: 1, sender: `0x${digit.repeat(40)}`, chainNonce: 0, now }
      return storage.openTransactions(sender, [newTransaction('crossed')])
    }
    const other = await knex.transaction()
    const first = await open(createKnexStorage({ knex: other }), 'a')
    await knex.transaction(async (transaction) => {
      const { rows } = await transaction.raw('select pg_backend_pid() as pid')
      const bound = createKnexStorage({ knex: transaction })
      const opening = open(bound, 'b')
      await vi.waitUntil(() => isWaiting(knex, rows[0].pid))
      await other.commit()
      expect(await opening).toEqual(first)
      await transaction.raw('select 1')
    })
    expect(await storage.listOpenTransactions({ chainId: 1, sender: `0x${'a'.repeat(40)}` })).toEqual(first)
  })

  it('refuses addresses that are not in lower case', async () => {
    const sender = { chainId: 2, sender: ADDRESS.toUpperCase().replace('X', 'x'), chainNonce: 0, now }
    const opening = storage.openTransactions(sender, [newTransaction('upper case')])
    await expect(opening).rejects.toMatchObject({ name: 'StorageError', code: 'storage_failed' })
    expect(await storage.listOpenTransactions(sender)).toEqual([])
  })

  it.each(['repeatable read', 'serializable'])(
    'needs no luck where transactions are %s by default',
    async (isolation) => {
      const strict = createKnex({
        client: 'pg',
        connection: {
          connectionString: database.appUrl,
          options: `-c default_transaction_isolation=${isolation.replace(' ', '\\ ')}`,
        },
        pool: { min: 0, max: 10 },
      })
      try {
        const store = createKnexStorage({ knex: strict })
        const cases = await Promise.all(
          Array.from({ length: 50 }, (_, index) =>
            store.createCase({ ...newCase(`${isolation} ${index}`), userId: isolation }),
          ),
        )
        const [id = ''] = new Set(cases.map(({ kycCase }) => kycCase.id))
        const inquiryId = `inq_${isolation}`
        await store.attachInquiry(id, {
          inquiryId,
          replaces: null,
          personaStatus: 'created',
          sealedSessionToken: null,
          now,
        })
        const events = Array.from({ length: 20 }, (_, index) =>
          newEvent(`${isolation} ${index}`, inquiryId, index % 2 === 0 ? 'review' : 'rejected', index),
        )
        const recorded = await Promise.all([...events, ...events].map((event) => store.recordEvent(event)))
        expect(recorded.filter(({ outcome }) => outcome === 'duplicate')).toHaveLength(20)
        expect((await store.getCase(id))?.status).toBe('rejected')

        const sender = { chainId: isolation.length, sender: ADDRESS, chainNonce: 0, now }
        const opened = await Promise.all(
          Array.from({ length: 20 }, (_, index) =>
            store.openTransactions(sender, [newTransaction('shared'), newTransaction(`${index}`)]),
          ),
        )
        const nonces = new Set(opened.flat().map(({ nonce }) => nonce))
        expect([...nonces].sort((left, right) => left - right)).toEqual(Array.from({ length: 21 }, (_, nonce) => nonce))
      } finally {
        await strict.destroy()
      }
    },
  )

  it('reads timestamps that the app has told the driver to leave as text', async () => {
    const { kycCase } = await storage.createCase(newCase('text dates'))
    const textual = createKnex({
      client: 'pg',
      connection: {
        connectionString: database.appUrl,
        types: { getTypeParser: (oid: number) => (value: string) => (oid === 16 ? value === 't' : value) },
      },
      pool: { min: 0, max: 1 },
    })
    expect((await createKnexStorage({ knex: textual }).getCase('text dates'))?.createdAt).toEqual(kycCase.createdAt)
    await textual.destroy()
  })

  it('reads the same where the app’s Knex renames columns', async () => {
    const toCamel = (row: object) =>
      Object.fromEntries(
        Object.entries(row).map(([key, value]) => [key.replace(/_./, (part) => part.slice(1).toUpperCase()), value]),
      )
    const renaming = createKnex({
      client: 'pg',
      connection: database.appUrl,
      pool: { min: 0, max: 1 },
      postProcessResponse: (result) => ({ ...result, rows: result.rows?.map(toCamel) }),
    })
    const { kycCase } = await storage.createCase(newCase('renamed'))
    expect(await createKnexStorage({ knex: renaming }).getCase('renamed')).toEqual(kycCase)
    await renaming.destroy()
  })

  it('refuses a Knex of another database', () => {
    const mysql = { client: { dialect: 'mysql' } } as unknown as Knex
    expect(() => createKnexStorage({ knex: mysql })).toThrow(/not set up for PostgreSQL/)
  })

  it('tells a database that is down from one that refuses, and goes on when it is back', async () => {
    const down = createKnex({
      client: 'pg',
      connection: 'postgres://nobody@127.0.0.1:1/none',
      pool: { min: 0, max: 1 },
    })
    const error = await createKnexStorage({ knex: down })
      .ping()
      .catch((thrown) => thrown)
    expect(error).toMatchObject({ name: 'StorageError', code: 'storage_unavailable' })
    await down.destroy()
    await expect(cutConnections(database.app)).rejects.toMatchObject({ code: 'storage_unavailable' })
    // The pool may hand out the dead connection once more before it learns of its end.
    await vi.waitFor(() => storage.ping())
  })

  it.each(['ENOTFOUND', 'EAI_AGAIN', 'ECONNRESET'])(
    'takes a name or an address that fails with %s for one that comes back',
    (code) => {
      const error = toStorageError(Object.assign(new Error('getaddrinfo'), { code }))
      expect(error).toMatchObject({ code: 'storage_unavailable', message: expect.stringContaining(code) })
    },
  )

  it('names the migrations when they were not run', async () => {
    const error = await createKnexStorage({ knex: database.app, schema: 'empty' })
      .getCase('x')
      .catch((thrown) => thrown)
    expect(error.message).toContain('persona-kyc migrate')
  })

  it.each(['', 'x', '0', '1.2', '99999999999999999999.1.x', '-1.0.x'])('refuses the cursor %j', async (after) => {
    await expect(storage.readFeed({ after, limit: 1 })).rejects.toMatchObject({ code: 'argument_invalid' })
  })

  it.each(['', 'x', '1', '99999999999999999.x', '1.\0'])('refuses the cursor %j of a list', async (after) => {
    const query = { status: null, claim: null, after, limit: 1 }
    await expect(storage.listCases(query)).rejects.toMatchObject({ code: 'argument_invalid' })
  })

  function newCase(id: string): NewCase {
    const user = { userId: `user ${id}`, documentType: 'passport' }
    return { id, ...user, sealedPersonalData: null, idempotencyKey: null, createdAt: now, initiatingUntil: now }
  }

  function newTransaction(purpose: string): NewChainTransaction {
    return { purpose, caseId: 'case', claim: null, to: ADDRESS, data: '0x', gas: 21_000n }
  }

  function newEvent(id: string, inquiryId: string, status: 'rejected' | 'review', second: number): NewEvent {
    const occurredAt = new Date(now.getTime() + second * 1000)
    const effect = { personaStatus: 'failed', status, score: null, occurredAt, rank: 4 }
    return {
      id,
      name: 'inquiry.failed',
      inquiryId,
      referenceId: null,
      createdAt: now,
      effect,
      receivedAt: now,
      delivery: null,
    }
  }
})

async function isWaiting(knex: Knex, pid: number): Promise<boolean> {
  const { rows } = await knex.raw('select wait_event_type from pg_stat_activity where pid = ?', [pid])
  return rows[0]?.wait_event_type === 'Lock'
}

/** Ends a query's own connection while it runs, as a restart of the server would. */
async function cutConnections(knex: Knex): Promise<void> {
  const { toStorageError } = await import('../src/storage-error.js')
  try {
    await knex.raw('select pg_terminate_backend(pg_backend_pid())')
  } catch (error) {
    throw toStorageError(error)
  }
}

describe('every statement that the suite has made the storage send', () => {
  it('keeps the rules of a distributed engine', () => {
    const ours = [...sent].filter((sql) => sql.includes('"kyc_') && !/^\s*(create|alter|do)\b/i.test(sql))
    expect(ours.length).toBeGreaterThan(20)
    for (const sql of ours) expect(findBreaches(sql), sql).toEqual([])
  })

  it('wakes followers by pg_notify alone, and only wakes them', () => {
    expect([...sent].filter((sql) => /notify|listen/i.test(sql))).toEqual(['select pg_notify($1, $2)'])
  })
})

function normalize(sql: string): string {
  return sql
    .replace(/"suite_\d+"/g, '"suite"')
    .replace(/\s+/g, ' ')
    .trim()
}
