import { toRefusedType } from './telling-database.js'

/** What PostgreSQL refuses a statement with, by what becomes of it. */
export const SQL_STATES = {
  storage_failed: ['22001', '22P02', '23502', '23503', '23505', '23514', '42501', '42703', '42P01', 'P0001', 'XX000'],
  storage_unavailable: ['08006', '40001', '40P01', '53300', '55P03', '57014', '57P01'],
} as const

/** A start that fails for the sake of the database. */
export interface StorageProvocation {
  readonly code: keyof typeof SQL_STATES
  readonly name: string
  readonly storage: 'absent' | 'locked' | 'storage'
  readonly documentType: string
}

/** How a start fails for the sake of the database. */
export const STORAGE_PROVOCATIONS: readonly StorageProvocation[] = [
  { code: 'storage_failed', name: 'a row is refused', storage: 'storage', documentType: toRefusedType('P0001') },
  { code: 'storage_failed', name: 'a password is wrong', storage: 'locked', documentType: 'passport' },
  {
    code: 'storage_unavailable',
    name: 'a statement is cancelled',
    storage: 'storage',
    documentType: toRefusedType('57014'),
  },
  { code: 'storage_unavailable', name: 'nobody is there', storage: 'absent', documentType: 'passport' },
]
