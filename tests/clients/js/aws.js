// @aws-sdk/client-s3 against a server.
import assert from 'node:assert'
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import * as S3 from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { run, text } from './tap.js'

const Bucket = 'js-aws-clients'
const s3 = new S3.S3({ endpoint: process.env.AWS_ENDPOINT_URL, region: 'us-east-1', forcePathStyle: true })
const read = async (input) => text((await s3.getObject({ Bucket, ...input })).Body)
const failing = (promise) => promise.then(() => assert.fail('it was allowed'), (e) => e)

await run({
  'create bucket': () => s3.createBucket({ Bucket }),
  'round trip': async () => {
    await s3.putObject({ Bucket, Key: 'a/b c+d', Body: 'hello', Metadata: { colour: 'blue' }, ContentType: 'text/plain' })
    const head = await s3.headObject({ Bucket, Key: 'a/b c+d', ChecksumMode: 'ENABLED' })
    assert.equal(head.Metadata.colour, 'blue')
    assert.ok(head.ChecksumCRC32)
    assert.equal(await read({ Key: 'a/b c+d', Range: 'bytes=1-3' }), 'ell')
  },
  'stream with trailer': async () => {
    const data = randomBytes(300000)
    await s3.putObject({ Bucket, Key: 'stream', Body: Readable.from([data]), ContentLength: data.length })
    assert.ok(data.equals(await read({ Key: 'stream' })))
  },
  multipart: async () => {
    const data = randomBytes(12 << 20)
    await new Upload({ client: s3, params: { Bucket, Key: 'large', Body: Readable.from([data]) } }).done()
    assert.ok(data.equals(await read({ Key: 'large' })))
  },
  'conditional writes': async () => {
    const { ETag } = await s3.putObject({ Bucket, Key: 'once', Body: '1', IfNoneMatch: '*' })
    assert.equal((await failing(s3.putObject({ Bucket, Key: 'once', Body: '2', IfNoneMatch: '*' }))).name, 'PreconditionFailed')
    await s3.putObject({ Bucket, Key: 'once', Body: '3', IfMatch: ETag })
    assert.equal((await failing(s3.putObject({ Bucket, Key: 'once', Body: '4', IfMatch: ETag }))).name, 'PreconditionFailed')
  },
  listing: async () => {
    for (const Key of ['l/a', 'l/b/1', 'l/b/2', 'l/é']) await s3.putObject({ Bucket, Key, Body: Key })
    const page = await s3.listObjectsV2({ Bucket, Prefix: 'l/', Delimiter: '/' })
    assert.deepEqual(page.Contents.map((o) => o.Key), ['l/a', 'l/é'])
    assert.deepEqual(page.CommonPrefixes, [{ Prefix: 'l/b/' }])
  },
  tagging: async () => {
    await s3.putObject({ Bucket, Key: 'tagged', Body: 'x', Tagging: 'k=v' })
    assert.deepEqual((await s3.getObjectTagging({ Bucket, Key: 'tagged' })).TagSet, [{ Key: 'k', Value: 'v' }])
  },
  attributes: async () => {
    const out = await s3.getObjectAttributes({ Bucket, Key: 'large', ObjectAttributes: ['ObjectSize', 'ObjectParts', 'ETag'] })
    assert.equal(out.ObjectSize, 12 << 20)
    assert.equal(out.ObjectParts.TotalPartsCount, 3)
  },
  copy: async () => {
    await s3.copyObject({ Bucket, Key: 'to', CopySource: `${Bucket}/l/%C3%A9` })
    assert.equal(await read({ Key: 'to' }), 'l/é')
  },
  presigned: async () => {
    const url = await getSignedUrl(s3, new S3.GetObjectCommand({ Bucket, Key: 'to', ResponseContentType: 'x/y' }))
    const answer = await fetch(url)
    assert.equal(answer.headers.get('content-type'), 'x/y')
    assert.equal(await answer.text(), 'l/é')
  },
  'absent key': async () => assert.equal((await failing(s3.getObject({ Bucket, Key: 'absent' }))).name, 'NoSuchKey'),
  cors: async () => {
    await s3.putBucketCors({ Bucket, CORSConfiguration: { CORSRules: [{ AllowedOrigins: ['https://*.example.com'], AllowedMethods: ['GET'] }] } })
    const answer = await fetch(`${process.env.AWS_ENDPOINT_URL}/${Bucket}/to`, {
      method: 'OPTIONS', headers: { Origin: 'https://a.example.com', 'Access-Control-Request-Method': 'GET' } })
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('access-control-allow-origin'), 'https://a.example.com')
  },
  versions: async () => {
    await s3.putBucketVersioning({ Bucket, VersioningConfiguration: { Status: 'Enabled' } })
    const one = await s3.putObject({ Bucket, Key: 'v', Body: 'one' })
    await s3.putObject({ Bucket, Key: 'v', Body: 'two' })
    assert.equal(await read({ Key: 'v', VersionId: one.VersionId }), 'one')
    const gone = await s3.deleteObject({ Bucket, Key: 'v' })
    assert.equal(gone.DeleteMarker, true)
  },
  'clean up': async () => {
    const all = await s3.listObjectVersions({ Bucket })
    const Objects = [...all.Versions, ...all.DeleteMarkers].map(({ Key, VersionId }) => ({ Key, VersionId }))
    const out = await s3.deleteObjects({ Bucket, Delete: { Objects } })
    assert.deepEqual(out.Errors || [], [])
    await s3.deleteBucket({ Bucket })
  },
})
