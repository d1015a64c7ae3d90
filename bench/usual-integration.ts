import { createHmac, timingSafeEqual } from 'node:crypto'
import express, { type Express } from 'express'
import type { Knex } from 'knex'

/** What of an event a tutorial reads. */
interface UsualEvent {
  readonly data: {
    readonly id: string
    readonly attributes: {
      readonly name: string
      readonly 'created-at': string
      readonly payload: { readonly data: { readonly id: string; readonly attributes: { readonly status: string } } }
    }
  }
}

const STATUSES: Readonly<Record<string, string>> = {
  completed: 'verified',
  approved: 'verified',
  failed: 'rejected',
  declined: 'rejected',
  needs_review: 'review',
}

/**
 * The integration that one writes by a good tutorial, without its usual mistakes: the raw body, its signature in constant
 * time, and one transaction that knows copies and late events. On the same tables as ours.
 */
export function createUsualIntegration(knex: Knex, secret: string): Express {
  const app = express()
  app.post('/webhooks/persona/inquiry', express.raw({ type: 'application/json', limit: '1mb' }), async (req, res) => {
    if (!isSigned(req.body, req.get('Persona-Signature') ?? '', secret)) return void res.sendStatus(401)
    await store(knex, JSON.parse(req.body.toString('utf8')) as UsualEvent)
    res.json({ received: true })
  })
  return app
}

function isSigned(body: Buffer, header: string, secret: string): boolean {
  const { t = '', v1 = '' } = Object.fromEntries(header.split(',').map((part) => part.split('='))) as Record<
    string,
    string
  >
  if (Math.abs(Date.now() / 1000 - Number(t)) > 300) return false
  const expected = createHmac('sha256', secret).update(`${t}.`).update(body).digest()
  const given = Buffer.from(v1, 'hex')
  return given.length === expected.length && timingSafeEqual(given, expected)
}

async function store(knex: Knex, { data }: UsualEvent): Promise<void> {
  const { name, payload } = data.attributes
  const occurredAt = new Date(data.attributes['created-at'])
  const { id: inquiryId, attributes } = payload.data
  const now = new Date()
  await knex.transaction(async (trx) => {
    const kycCase = await trx('persona_kyc.kyc_cases').where({ persona_inquiry_id: inquiryId }).forUpdate().first()
    const isLate = kycCase?.last_event_at >= occurredAt
    const inserted = await trx('persona_kyc.kyc_events')
      .insert({
        id: data.id,
        created_at: occurredAt,
        name,
        case_id: kycCase?.id,
        inquiry_id: inquiryId,
        outcome: isLate ? 'stale' : 'applied',
        persona_status: attributes.status,
        occurred_at: occurredAt,
        received_at: now,
      })
      .onConflict(['created_at', 'id'])
      .ignore()
      .returning('id')
    if (inserted.length === 0 || kycCase === undefined || isLate) return
    const status = STATUSES[attributes.status] ?? 'pending'
    const isMoved = status !== kycCase.status
    await trx('persona_kyc.kyc_cases')
      .where({ id: kycCase.id })
      .update({
        status,
        persona_status: attributes.status,
        verified_at: status === 'verified' ? occurredAt : null,
        last_event_at: occurredAt,
        last_event_rank: 4,
        last_event_id: data.id,
        revision: kycCase.revision + (isMoved ? 1 : 0),
        is_open: status === 'pending' || status === 'review',
        updated_at: now,
      })
    if (!isMoved) return
    await trx('persona_kyc.kyc_transitions').insert({
      case_id: kycCase.id,
      revision: kycCase.revision + 1,
      from_status: kycCase.status,
      to_status: status,
      persona_status: attributes.status,
      event_id: data.id,
      event_name: name,
      occurred_at: occurredAt,
      recorded_at: now,
      feed_xid: trx.raw('pg_current_xact_id()'),
    })
  })
}
