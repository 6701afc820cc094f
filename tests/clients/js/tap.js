// Runs tests one after the other, TAP on standard output.
export async function run(tests) {
  let n = 0
  for (const [name, test] of Object.entries(tests)) {
    n++
    try {
      await test()
      console.log(`ok ${n} - ${name}`)
    } catch (e) {
      console.log(`not ok ${n} - ${name} # ${String(e && e.stack || e).split('\n').slice(0, 3).join(' | ')}`)
    }
  }
}

export async function text(stream) {
  const parts = []
  for await (const part of stream) parts.push(part)
  return Buffer.concat(parts)
}
