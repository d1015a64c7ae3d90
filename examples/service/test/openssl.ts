import { execFileSync } from 'node:child_process'

/** Signs as a person would on the command line: `printf '%s.' $t | cat - body | openssl dgst -sha256 -hmac $secret`. */
export function signWithOpenssl(
  body: string | Uint8Array,
  secret: string,
  timestamp = Math.floor(Date.now() / 1000),
): string {
  const input = Buffer.concat([Buffer.from(`${timestamp}.`), Buffer.from(body)])
  const output = execFileSync('openssl', ['dgst', '-sha256', '-hmac', secret, '-r'], { input }).toString()
  return `t=${timestamp},v1=${output.split(' ')[0]}`
}
