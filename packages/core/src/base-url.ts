import { ConfigurationError } from './errors.js'
import { isLoopbackUrl } from './loopback.js'

/**
 * Returns the URL without slashes at its end.
 *
 * @throws ConfigurationError when it is no URL of http or https, has a query, a fragment or a password, or would have
 * tokens travel in clear: over http, unless to the loopback of this machine, or `allowInsecureHttp` is true.
 */
export function requireBaseUrl(baseUrl: string, options: { readonly allowInsecureHttp: boolean }): string {
  const url = typeof baseUrl === 'string' && URL.canParse(baseUrl) ? new URL(baseUrl) : null
  // A fetch refuses a URL with a password in it, each time.
  const isFine = url !== null && /^https?:$/.test(url.protocol) && url.username + url.password === ''
  if (!isFine || !/^https?:\/\/[^/?#\s\\][^?#\s\\]*$/i.test(baseUrl)) {
    throw new ConfigurationError({
      problem: 'baseUrl is no URL of a KYC service.',
      fix: 'Give it like https://kyc.example.com, without a query and without a password.',
    })
  }
  if (url.protocol === 'https:' || isLoopbackUrl(url) || options.allowInsecureHttp) {
    return baseUrl.replace(/\/+$/, '')
  }
  throw new ConfigurationError({
    problem: 'baseUrl is http, so that tokens and personal data would travel in clear.',
    fix: 'Use https, or set allowInsecureHttp where the network between is trusted.',
  })
}
