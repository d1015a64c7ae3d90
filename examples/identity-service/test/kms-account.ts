import { type Hex, hashMessage, keccak256, type Signature, serializeSignature, serializeTransaction } from 'viem'
import { privateKeyToAddress, sign, toAccount } from 'viem/accounts'

// An ISSUER_ACCOUNT_MODULE as one for a KMS is written; the key that a KMS would keep is in KMS_KEY.

const privateKey = (process.env.KMS_KEY ?? '0x') as Hex

/** What a KMS does: signs a hash, and tells nobody the key. */
async function signInKms(hash: Hex): Promise<Signature> {
  return sign({ hash, privateKey })
}

/** Resolves with the account, as a KMS is asked for the address of a key. */
export default async function openAccount() {
  return toAccount({
    address: privateKeyToAddress(privateKey),
    signMessage: async ({ message }) => serializeSignature(await signInKms(hashMessage(message))),
    async signTransaction(transaction, { serializer = serializeTransaction } = {}) {
      const hash = keccak256(await serializer(transaction))
      return serializer(transaction, await signInKms(hash))
    },
    signTypedData: () => Promise.reject(new Error('Claims need none.')),
  })
}
