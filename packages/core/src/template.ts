import { getMember, isJsonObject, type JsonValue } from './inflection.js'

/** The ids of an inquiry's template (`itmpl_…`), its version (`itmplv_…`) and its legacy template (`tmpl_…`), as far as given. */
export function toTemplateIds(relationships: JsonValue | undefined): string[] {
  if (!isJsonObject(relationships)) return []
  return ['inquiry-template', 'inquiry-template-version', 'template'].flatMap((name) => {
    const relation = getMember(relationships, name)
    const target = isJsonObject(relation) && isJsonObject(relation.data) ? relation.data.id : undefined
    return typeof target === 'string' ? [target] : []
  })
}

/**
 * True for an inquiry that may be of our template. A reference id proves nothing by itself: a person may create inquiries
 * of another, laxer template in the browser, under any reference id.
 */
export function isOfTemplate(templateIds: readonly string[], templateId: string): boolean {
  return templateIds.length === 0 || templateIds.includes(templateId)
}
