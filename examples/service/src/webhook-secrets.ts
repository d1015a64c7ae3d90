import { readFileSync } from 'node:fs'
import { ConfigurationError } from '@persona-kyc/core'

/** What the fake Persona signs with where no other secret is set. It guards nothing. */
export const FAKE_WEBHOOK_SECRET = 'wbhsec_of_the_fake_persona'

/** A file with the webhook's secrets: one, or several separated by white space, as Kubernetes and Docker mount them. */
export interface SecretFile {
  readonly path: string
  /** False where a fake Persona signs. */
  readonly isReal: boolean
}

/**
 * Reads the secrets from their file.
 *
 * @throws ConfigurationError when there is anything that {@link findFileMistakes} finds.
 */
export function readSecretFile(file: SecretFile): readonly string[] {
  const { secrets, mistakes } = openSecretFile(file)
  if (mistakes.length === 0) return secrets
  throw new ConfigurationError({ problem: `${mistakes.join('. ')}.`, fix: 'The file is read again by itself.' })
}

/** What is wrong with the file of PERSONA_WEBHOOK_SECRET_FILE, in words that name neither its path nor a secret. */
export function findFileMistakes(file: SecretFile): readonly string[] {
  return openSecretFile(file).mistakes
}

/** What is wrong with the secrets of that variable, in words without values. `isReal` is false where a fake Persona signs. */
export function findSecretMistakes(variable: string, secrets: readonly string[], isReal: boolean): readonly string[] {
  const isRepeated = new Set(secrets).size < secrets.length
  const isFake = isReal && secrets.includes(FAKE_WEBHOOK_SECRET)
  return [
    ...(isRepeated ? [`${variable} has the same secret twice: give the new one and the old one, or only one`] : []),
    ...(isFake
      ? [`${variable} has the secret of the fake Persona, which everybody knows: copy yours from the Persona dashboard`]
      : []),
  ]
}

function openSecretFile({ path, isReal }: SecretFile): { secrets: readonly string[]; mistakes: readonly string[] } {
  const variable = 'PERSONA_WEBHOOK_SECRET_FILE'
  try {
    const secrets = readFileSync(path, 'utf8')
      .split(/\s+/)
      .filter((word) => word !== '')
    const mistakes = findSecretMistakes(variable, secrets, isReal)
    const empty = `${variable} names an empty file: put the secret (wbhsec_…) of your webhook into it`
    return { secrets, mistakes: secrets.length === 0 ? [empty] : mistakes }
  } catch (error) {
    const { code = 'no code' } = error as { code?: string }
    return {
      secrets: [],
      mistakes: [`${variable} names a file that cannot be read (${code}): mount it there, readable`],
    }
  }
}
