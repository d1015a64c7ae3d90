import { randomBytes } from 'node:crypto'
import { type PostgresClient, withClient } from '../packages/testing/src/postgres/client.js'

/** A role that may connect, and nothing else until it is granted more. Roles are of the whole server. */
export interface AppRole {
  readonly name: string
  readonly password: string
}

/**
 * Creates a role of that name, with a password of its own. One whose name continues that of a test database goes when
 * the run ends.
 */
export async function createRole(adminUrl: string, name: string): Promise<AppRole> {
  const password = randomBytes(24).toString('hex')
  await withClient(adminUrl, (client) => client.query(`create role ${toQuoted(name)} login password '${password}'`))
  return { name, password }
}

/** Drops the roles whose names are doomed. The databases in which they were granted anything must be gone. */
export async function dropRoles(client: PostgresClient, isDoomed: (name: string) => boolean): Promise<void> {
  const { rows } = await client.query('select rolname from pg_roles')
  for (const name of rows.map((row) => String(row.rolname)).filter(isDoomed)) {
    await client.query(`drop role if exists ${toQuoted(name)}`)
  }
}

function toQuoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** The same database, as that role. */
export function toRoleUrl(url: string, { name, password }: AppRole): string {
  const roleUrl = new URL(url)
  roleUrl.username = name
  roleUrl.password = password
  return roleUrl.href
}
