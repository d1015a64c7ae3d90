/** True for equal bytes, in a time that does not tell where they differ. */
export function isEqualInConstantTime(left: Uint8Array, right: Uint8Array): boolean {
  let difference = left.length ^ right.length
  for (const [index, byte] of left.entries()) difference |= byte ^ (right[index] ?? 0)
  return difference === 0
}
