import createKnex, { type Knex } from 'knex'
import { afterAll, beforeAll } from 'vitest'
import { type AppDatabase, createAppDatabase } from '../../../test-setup/app-database.js'
import { createRole, toRoleUrl } from '../../../test-setup/app-role.js'

/** What the tests of one file share: a database of their own. */
export interface FileDatabase extends Pick<AppDatabase, 'ownerUrl' | 'appUrl'> {
  /** The owner's pool. */
  readonly owner: Knex
  /** The app's pool: that of the owner, unless the app is a role of least privilege. */
  readonly app: Knex
}

/** Makes a database for the calling test file and drops it afterwards. Its members are there once the tests run. */
export function useDatabase(): FileDatabase {
  let database: (FileDatabase & Pick<AppDatabase, 'drop'>) | undefined
  beforeAll(async () => {
    const { ownerUrl, appUrl, drop } = await createAppDatabase()
    const owner = openPool(ownerUrl)
    database = { ownerUrl, appUrl, owner, app: appUrl === ownerUrl ? owner : openPool(appUrl), drop }
  })
  afterAll(async () => {
    await database?.app.destroy()
    await database?.owner.destroy()
    await database?.drop()
  })
  const read = () => {
    if (database === undefined) throw new Error('The database is made in beforeAll.')
    return database
  }
  return {
    get ownerUrl() {
      return read().ownerUrl
    },
    get appUrl() {
      return read().appUrl
    },
    get owner() {
      return read().owner
    },
    get app() {
      return read().app
    },
  }
}

/** A role that only this file's tests know, and its pool. */
export interface FileRole {
  readonly role: string
  readonly knex: Knex
}

/** Makes a role that may connect and nothing else. Its members are there once the tests run. */
export function useRole(database: FileDatabase, suffix = '_role'): FileRole {
  let made: FileRole | undefined
  beforeAll(async () => {
    const { ownerUrl } = database
    const role = await createRole(ownerUrl, `${new URL(ownerUrl).pathname.slice(1)}${suffix}`)
    made = { role: role.name, knex: openPool(toRoleUrl(ownerUrl, role)) }
  })
  afterAll(() => made?.knex.destroy())
  const read = () => {
    if (made === undefined) throw new Error('The role is made in beforeAll.')
    return made
  }
  return {
    get role() {
      return read().role
    },
    get knex() {
      return read().knex
    },
  }
}

function openPool(connection: string): Knex {
  return createKnex({ client: 'pg', connection, pool: { min: 0, max: 20 } })
}
