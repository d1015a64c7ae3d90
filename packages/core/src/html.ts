/** Text that is HTML already: what {@link html} made. */
export class Html {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

type Content = Html | string | number | undefined | false | readonly Content[]

/** Returns a template as HTML. What is put into it is text and is escaped, unless it is HTML itself; false is nothing. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Html {
  return new Html(strings.map((part, index) => part + toText(values[index])).join(''))
}

function toText(content: Content): string {
  if (content === undefined || content === false) return ''
  if (content instanceof Html) return content.text
  if (typeof content === 'object') return content.map(toText).join('')
  return String(content).replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
