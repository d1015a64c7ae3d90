import { createDatabase } from '@persona-kyc/testing/postgres'
import createKnex, { type Knex } from 'knex'
import { afterAll, beforeAll, inject } from 'vitest'

/** What the tests of one file share: a database of their own. */
export interface FileDatabase {
  readonly url: string
  readonly knex: Knex
}

/** Makes a database for the calling test file and drops it afterwards. Its members are there once the tests run. */
export function useDatabase(): FileDatabase {
  let url = ''
  let knex: Knex | undefined
  let drop = async () => {}
  beforeAll(async () => {
    const database = await createDatabase(inject('databaseUrl'))
    url = database.url
    drop = database.drop
    knex = createKnex({ client: 'pg', connection: url, pool: { min: 0, max: 20 } })
  })
  afterAll(async () => {
    await knex?.destroy()
    await drop()
  })
  return {
    get url() {
      return url
    },
    get knex() {
      if (knex === undefined) throw new Error('The database is made in beforeAll.')
      return knex
    },
  }
}
