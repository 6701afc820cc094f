// minio-js against a server.
import assert from 'node:assert'
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { Client } from 'minio'
import { run, text } from './tap.js'

const at = new URL(process.env.AWS_ENDPOINT_URL)
const bucket = 'js-minio-clients'
const minio = new Client({
  endPoint: at.hostname, port: Number(at.port), useSSL: at.protocol === 'https:',
  accessKey: process.env.AWS_ACCESS_KEY_ID, secretKey: process.env.AWS_SECRET_ACCESS_KEY })
const read = async (key) => text(await minio.getObject(bucket, key))

async function names(prefix, recursive) {
  const out = []
  for await (const o of minio.listObjectsV2(bucket, prefix, recursive)) out.push(o.name || o.prefix)
  return out
}

await run({
  'make bucket': async () => {
    await minio.makeBucket(bucket)
    assert.ok(await minio.bucketExists(bucket))
  },
  'round trip': async () => {
    await minio.putObject(bucket, 'dir/key', 'hello', 5, { 'Content-Type': 'text/plain', 'X-Amz-Meta-Colour': 'blue' })
    const stat = await minio.statObject(bucket, 'dir/key')
    assert.equal(stat.size, 5)
    assert.equal(stat.metaData.colour, 'blue')
    assert.equal(await read('dir/key'), 'hello')
  },
  'stream of unknown length': async () => {
    const data = randomBytes(7 << 20)
    await minio.putObject(bucket, 'stream', Readable.from([data]))
    assert.ok(data.equals(await read('stream')))
  },
  listing: async () => {
    for (const key of ['l/a b', 'l/c/1', 'l/é']) await minio.putObject(bucket, key, key)
    assert.deepEqual((await names('l/', false)).sort(), ['l/a b', 'l/c/', 'l/é'])
    assert.deepEqual(await names('l/', true), ['l/a b', 'l/c/1', 'l/é'])
  },
  tagging: async () => {
    await minio.setObjectTagging(bucket, 'dir/key', { k: 'v' })
    assert.deepEqual(await minio.getObjectTagging(bucket, 'dir/key'), [{ Key: 'k', Value: 'v' }])
  },
  'post policy': async () => {
    const policy = minio.newPostPolicy()
    policy.setKey('posted')
    policy.setBucket(bucket)
    policy.setExpires(new Date(Date.now() + 60000))
    policy.setContentLengthRange(1, 1000)
    const { postURL, formData } = await minio.presignedPostPolicy(policy)
    const form = new FormData()
    for (const [name, value] of Object.entries(formData)) form.append(name, value)
    form.append('file', new Blob(['by form']), 'name.txt')
    const answer = await fetch(postURL, { method: 'POST', body: form })
    assert.equal(answer.status, 204, await answer.text())
    assert.equal(await read('posted'), 'by form')
  },
  presigned: async () => {
    const put = await fetch(await minio.presignedPutObject(bucket, 'signed', 60), { method: 'PUT', body: 'by url' })
    assert.equal(put.status, 200)
    const got = await fetch(await minio.presignedGetObject(bucket, 'signed', 60))
    assert.equal(await got.text(), 'by url')
  },
  'bucket policy': async () => {
    await minio.setBucketPolicy(bucket, JSON.stringify({ Version: '2012-10-17', Statement: [{
      Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: `arn:aws:s3:::${bucket}/dir/*` }] }))
    assert.equal((await fetch(`${at.origin}/${bucket}/dir/key`)).status, 200)
    assert.equal((await fetch(`${at.origin}/${bucket}/posted`)).status, 403)
  },
  'remove all': async () => {
    await minio.removeObjects(bucket, await names('', true))
    await minio.removeBucket(bucket)
  },
})
