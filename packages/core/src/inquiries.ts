import type { JsonObject } from './inflection.js'
import {
  type Inquiry,
  type InquiryWithSession,
  type OneTimeLink,
  toInquiry,
  toInquiryPage,
  toInquiryWithSession,
  toOneTimeLink,
} from './inquiry.js'
import { type PersonaPage, walkPages } from './page-walk.js'
import { toResourcePath } from './persona-answer.js'
import type { PersonaRequest, SendRequest } from './request.js'

/** What the calls accept besides their own options. */
export interface CallOptions {
  /** Ends the call, its retries included. */
  readonly signal?: AbortSignal | undefined
  /** Sent with a POST. The same key must always come with the same parameters. Default: a random one per call. */
  readonly idempotencyKey?: string | undefined
}

/** What a new inquiry is made of. One of the three template ids is required. */
export interface CreateInquiryOptions extends CallOptions {
  /** `itmpl_…` */
  readonly inquiryTemplateId?: string | undefined
  /** `itmplv_…` */
  readonly inquiryTemplateVersionId?: string | undefined
  /** `tmpl_…`, for legacy templates. */
  readonly templateId?: string | undefined
  /** Your own id of this inquiry; comes back in webhooks. */
  readonly referenceId?: string | undefined
  /** Your id of the person; Persona finds or creates the account of that id. */
  readonly accountReferenceId?: string | undefined
  readonly redirectUri?: string | undefined
  readonly note?: string | undefined
  /** Prefilled fields, by the template's names. The person can read and change them. */
  readonly fields?: JsonObject | undefined
  readonly tags?: readonly string[] | undefined
  /** True creates a session at once, and the answer carries its token. */
  readonly createSession?: boolean | undefined
}

/** Which inquiries to list. Several values of one filter are separated by commas. */
export interface ListInquiriesOptions {
  readonly referenceId?: string | undefined
  readonly accountId?: string | undefined
  readonly status?: string | undefined
  readonly inquiryIds?: readonly string[] | undefined
  readonly createdAtStart?: string | undefined
  readonly createdAtEnd?: string | undefined
  /** 1 to 100 a page; default 100. */
  readonly pageSize?: number | undefined
  /** The `next` of the page before. */
  readonly after?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** What the sandbox can be told to do to an inquiry. */
export interface SimulateAction {
  readonly type: string
  readonly data?: { readonly verificationTemplateId: string }
}

/** Persona's inquiries. Every call rejects with PersonaApiError. */
export interface Inquiries {
  create(options: CreateInquiryOptions): Promise<InquiryWithSession>
  retrieve(inquiryId: string, options?: CallOptions): Promise<Inquiry>
  /** Yields the inquiries, newest first, and asks for the next page only when it is needed. */
  list(options?: Omit<ListInquiriesOptions, 'after'>): AsyncIterableIterator<Inquiry>
  /** Resolves with one page. */
  listPage(options?: ListInquiriesOptions): Promise<PersonaPage<Inquiry>>
  update(
    inquiryId: string,
    options: CallOptions & Pick<CreateInquiryOptions, 'note' | 'fields' | 'tags' | 'redirectUri'>,
  ): Promise<Inquiry>
  approve(inquiryId: string, options?: CallOptions & { readonly comment?: string | undefined }): Promise<Inquiry>
  decline(inquiryId: string, options?: CallOptions & { readonly comment?: string | undefined }): Promise<Inquiry>
  /** Refused by Persona once the inquiry is approved or declined. */
  markForReview(inquiryId: string, options?: CallOptions): Promise<Inquiry>
  /** Resolves with a session token. Refused by Persona unless the inquiry is pending or expired. */
  resume(inquiryId: string, options?: CallOptions): Promise<InquiryWithSession>
  expire(inquiryId: string, options?: CallOptions): Promise<Inquiry>
  createOneTimeLink(
    inquiryId: string,
    options?: CallOptions & { readonly expiresInSeconds?: number | undefined },
  ): Promise<OneTimeLink>
  /** Erases the personal data at Persona, for good. */
  redact(inquiryId: string, options?: CallOptions): Promise<Inquiry>
  /** Sandbox only: moves the inquiry as if the person or a reviewer had acted, with the real webhooks. */
  performSimulateActions(inquiryId: string, actions: readonly SimulateAction[], options?: CallOptions): Promise<Inquiry>
}

/** Returns the calls on inquiries over that sender. */
export function createInquiries(send: SendRequest): Inquiries {
  const act = (inquiryId: string, action: string, options: CallOptions, meta?: object) =>
    send({
      method: 'POST',
      path: `${toPath(inquiryId)}/${action}`,
      ...toCall(options),
      ...(meta && { body: { meta } }),
    })

  const listPage = async (options: ListInquiriesOptions = {}) => {
    const query = { ...toFilter(options), 'page[size]': options.pageSize ?? 100, 'page[after]': options.after }
    return toInquiryPage(await send({ method: 'GET', path: '/inquiries', query, ...toCall(options) }))
  }

  return {
    async create(options) {
      const answer = await send({ method: 'POST', path: '/inquiries', ...toCall(options), body: toCreateBody(options) })
      return toInquiryWithSession(answer)
    },
    async retrieve(inquiryId, options = {}) {
      return toInquiry(await send({ method: 'GET', path: toPath(inquiryId), ...toCall(options) }))
    },
    list: (options = {}) => walkPages((after) => listPage({ ...options, after })),
    listPage,
    async update(inquiryId, { note, fields, tags, redirectUri, ...options }) {
      const body = { data: { attributes: { note, fields, tags, 'redirect-uri': redirectUri } } }
      return toInquiry(await send({ method: 'PATCH', path: toPath(inquiryId), ...toCall(options), body }))
    },
    async approve(inquiryId, { comment, ...options } = {}) {
      return toInquiry(await act(inquiryId, 'approve', options, { comment }))
    },
    async decline(inquiryId, { comment, ...options } = {}) {
      return toInquiry(await act(inquiryId, 'decline', options, { comment }))
    },
    async markForReview(inquiryId, options = {}) {
      return toInquiry(await act(inquiryId, 'mark-for-review', options))
    },
    async resume(inquiryId, options = {}) {
      return toInquiryWithSession(await act(inquiryId, 'resume', options))
    },
    async expire(inquiryId, options = {}) {
      return toInquiry(await act(inquiryId, 'expire', options))
    },
    async createOneTimeLink(inquiryId, { expiresInSeconds, ...options } = {}) {
      const answer = await act(inquiryId, 'generate-one-time-link', options, { 'expires-in-seconds': expiresInSeconds })
      return toOneTimeLink(answer)
    },
    async redact(inquiryId, options = {}) {
      return toInquiry(await send({ method: 'DELETE', path: toPath(inquiryId), ...toCall(options) }))
    },
    async performSimulateActions(inquiryId, actions, options = {}) {
      const meta = { 'simulate-actions': actions.map(toSimulateAction) }
      return toInquiry(await act(inquiryId, 'perform-simulate-actions', options, meta))
    },
  }
}

/** The body of a create request. Members that are undefined do not appear in JSON. */
function toCreateBody(options: CreateInquiryOptions): unknown {
  return {
    data: {
      attributes: {
        'inquiry-template-id': options.inquiryTemplateId,
        'inquiry-template-version-id': options.inquiryTemplateVersionId,
        'template-id': options.templateId,
        'reference-id': options.referenceId,
        'redirect-uri': options.redirectUri,
        note: options.note,
        fields: options.fields,
        tags: options.tags,
      },
    },
    meta: {
      'auto-create-account-reference-id': options.accountReferenceId,
      'auto-create-inquiry-session': options.createSession,
    },
  }
}

function toFilter(options: ListInquiriesOptions): Record<string, string | undefined> {
  return {
    'filter[reference-id]': options.referenceId,
    'filter[account-id]': options.accountId,
    'filter[status]': options.status,
    'filter[inquiry-id]': options.inquiryIds?.join(','),
    'filter[created-at-start]': options.createdAtStart,
    'filter[created-at-end]': options.createdAtEnd,
  }
}

function toSimulateAction({ type, data }: SimulateAction): unknown {
  return data === undefined ? { type } : { type, data: { 'verification-template-id': data.verificationTemplateId } }
}

function toPath(inquiryId: string): string {
  return toResourcePath('/inquiries', inquiryId)
}

function toCall({ signal, idempotencyKey }: CallOptions): Pick<PersonaRequest, 'signal' | 'idempotencyKey'> {
  return { signal, idempotencyKey }
}
