import { describe, expect, it } from 'vitest'
import { isLoopbackUrl } from '../src/loopback.js'

describe('a URL', () => {
  it.each([
    'http://localhost',
    'http://LOCALHOST:3000/path',
    'https://user@localhost/',
    'http://127.0.0.1',
    'http://127.255.255.254:80',
    'http://127.1',
    'http://2130706433',
    'http://0x7f.0.0.1',
    'http://[::1]',
    'http://[0:0:0:0:0:0:0:1]:3000',
    'http://[::ffff:127.0.0.1]',
  ])('is of this machine: %s', (url) => {
    expect(isLoopbackUrl(new URL(url))).toBe(true)
  })

  it.each([
    'http://localhost.example',
    'http://notlocalhost',
    'http://localhost.',
    'http://example.localhost',
    'http://localhost@example.com',
    'http://example.com/localhost',
    'http://example.com?localhost',
    'http://example.com#127.0.0.1',
    'http://127.0.0.1.example',
    'http://127.0.0.1@example.com',
    'http://128.0.0.1',
    'http://126.255.255.255',
    'http://0.0.0.0',
    'http://10.0.0.1',
    'http://169.254.169.254',
    'http://[::]',
    'http://[::2]',
    'http://[::7f00:1]',
    'http://[fe80::1]',
    'http://[::ffff:10.0.0.1]',
    'file:///localhost',
    'data:text/plain,localhost',
  ])('is of another machine, as far as anybody can tell: %s', (url) => {
    expect(isLoopbackUrl(new URL(url))).toBe(false)
  })
})
