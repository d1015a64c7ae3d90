import { getMember, isJsonObject, type JsonValue } from './inflection.js'

const TEMPLATES = ['inquiry-template', 'inquiry-template-version', 'template']

/** The ids of an inquiry's template (`itmpl_…`), its version (`itmplv_…`) and its legacy template (`tmpl_…`), as far as given. */
export function toTemplateIds(relationships: JsonValue | undefined): string[] {
  if (!isJsonObject(relationships)) return []
  const ids: string[] = []
  for (const name of TEMPLATES) {
    const relation = getMember(relationships, name)
    const target = isJsonObject(relation) && isJsonObject(relation.data) ? relation.data.id : undefined
    if (typeof target === 'string') ids.push(target)
  }
  return ids
}

/**
 * True for an inquiry that may be of our template. A reference id proves nothing by itself: a person may create inquiries
 * of another, laxer template in the browser, under any reference id.
 */
export function isOfTemplate(templateIds: readonly string[], templateId: string): boolean {
  return templateIds.length === 0 || templateIds.includes(templateId)
}
