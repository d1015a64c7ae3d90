#!/bin/sh
# Writes signatures.json beside this file: Persona-Signature vectors made by OpenSSL, which knows nothing of our code.
# The answer is the same on every machine. Run it again after adding a vector: sh make-signatures.sh
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
separator=''

digest() { # secret time body-file
  { printf '%s.' "$2"; cat "$3"; } | openssl dgst -sha256 -hmac "$1" -r | cut -c1-64
}

vector() { # name time secret..., the body in $work/body; one set for each secret
  name=$1 time=$2 header='' secrets='' gap=''
  shift 2
  for secret in "$@"; do
    header="$header${header:+ }t=$time,v1=$(digest "$secret" "$time" "$work/body")"
    secrets="$secrets$gap\"$secret\""
    gap=', '
  done
  printf '%s\n  {\n    "name": "%s",\n    "secrets": [%s],\n    "timestampSeconds": %s,\n    "bodyBase64": "%s",\n    "header": "%s"\n  }' \
    "$separator" "$name" "$secrets" "$time" "$(openssl base64 -A -in "$work/body")" "$header"
  separator=','
}

main() {
  printf '['
  : >"$work/body"
  vector 'an empty body' 1767323045 wbhsec_1d0c3a5e-empty
  printf '{"data":{"type":"event"}}' >"$work/body"
  vector 'ASCII' 1767323045 wbhsec_1d0c3a5e-ascii
  vector 'a time in the past century' 915148800 wbhsec_1d0c3a5e-ascii
  vector 'a secret longer than a block of SHA-256' 1767323045 \
    wbhsec_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
  vector 'a secret outside ASCII' 1767323045 'wbhsec_Ünïcøde-鍵'
  vector 'two secrets, as during rotation' 1767323046 wbhsec_new wbhsec_old
  printf '{"name":"Zoë 渡辺 🛂"}' >"$work/body"
  vector 'UTF-8' 1767323047 wbhsec_1d0c3a5e-utf8
  printf '\357\273\277{"data":{}}\r\n' >"$work/body"
  vector 'a byte order mark and CRLF' 1767323047 wbhsec_1d0c3a5e-bom
  printf '{ "score": 1.10, "ratio": 1e-07, "big": 12345678901234567890, "zero": -0.0 }\n' >"$work/body"
  vector 'numbers that JSON.parse and JSON.stringify would change' 1767323048 wbhsec_1d0c3a5e-floats
  head -c 256 /dev/zero | openssl enc -aes-128-ctr -nosalt -K 000102030405060708090a0b0c0d0e0f \
    -iv 00000000000000000000000000000000 >"$work/body"
  vector 'bytes that are no text' 1767323049 wbhsec_1d0c3a5e-binary
  printf '\000\000\000' >"$work/body"
  vector 'NUL bytes' 1767323049 wbhsec_1d0c3a5e-nul
  head -c 3072 /dev/zero | openssl enc -aes-128-ctr -nosalt -K 0f0e0d0c0b0a09080706050403020100 \
    -iv 00000000000000000000000000000000 | openssl base64 -A >"$work/body"
  vector '4 KB' 1767323050 wbhsec_1d0c3a5e-long
  printf '\n]\n'
}

main >"$work/signatures.json"
mv "$work/signatures.json" "$here/signatures.json"
