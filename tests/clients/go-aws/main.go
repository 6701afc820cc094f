// The AWS SDK for Go v2 against a server: TAP on standard output.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/s3/manager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

var ctx = context.Background()

type test struct {
	name string
	run  func(c *s3.Client, bucket string) error
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return fmt.Sprint(err)
}

func read(c *s3.Client, in *s3.GetObjectInput) ([]byte, error) {
	out, err := c.GetObject(ctx, in)
	if err != nil {
		return nil, err
	}
	defer out.Body.Close()
	return io.ReadAll(out.Body)
}

func put(c *s3.Client, bucket, key, text string) error {
	_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(text)})
	return err
}

func roundTrip(c *s3.Client, bucket string) error {
	_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("a/b c+d"),
		Body: strings.NewReader("hello"), Metadata: map[string]string{"colour": "blue"},
		ContentType: aws.String("text/plain"), ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme})
	if err != nil {
		return err
	}
	head, err := c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: aws.String("a/b c+d")})
	if err != nil {
		return err
	}
	if head.Metadata["colour"] != "blue" || aws.ToString(head.ContentType) != "text/plain" {
		return fmt.Errorf("metadata %v, type %v", head.Metadata, aws.ToString(head.ContentType))
	}
	got, err := read(c, &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("a/b c+d"), Range: aws.String("bytes=1-3")})
	if err == nil && string(got) != "ell" {
		err = fmt.Errorf("range gave %q", got)
	}
	return err
}

func multipart(c *s3.Client, bucket string) error {
	data := make([]byte, 11<<20)
	rand.Read(data)
	up := manager.NewUploader(c, func(u *manager.Uploader) { u.PartSize = 5 << 20 })
	// A reader that cannot seek: trailing checksums.
	_, err := up.Upload(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("large"),
		Body: io.MultiReader(bytes.NewReader(data))})
	if err != nil {
		return err
	}
	buffer := manager.NewWriteAtBuffer(nil)
	_, err = manager.NewDownloader(c).Download(ctx, buffer, &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("large")})
	if err == nil && !bytes.Equal(buffer.Bytes(), data) {
		err = errors.New("other bytes came back")
	}
	return err
}

func conditions(c *s3.Client, bucket string) error {
	in := &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("once"), Body: strings.NewReader("1"), IfNoneMatch: aws.String("*")}
	if _, err := c.PutObject(ctx, in); err != nil {
		return err
	}
	in.Body = strings.NewReader("2")
	if _, err := c.PutObject(ctx, in); code(err) != "PreconditionFailed" {
		return fmt.Errorf("second writer: %v", err)
	}
	return nil
}

func listing(c *s3.Client, bucket string) error {
	for _, key := range []string{"l/a", "l/b/1", "l/b/2", "l/c"} {
		if err := put(c, bucket, key, key); err != nil {
			return err
		}
	}
	var names []string
	pages := s3.NewListObjectsV2Paginator(c, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: aws.String("l/"),
		Delimiter: aws.String("/"), MaxKeys: aws.Int32(1)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, o := range page.Contents {
			names = append(names, *o.Key)
		}
		for _, p := range page.CommonPrefixes {
			names = append(names, *p.Prefix)
		}
	}
	if got := strings.Join(names, " "); got != "l/a l/b/ l/c" {
		return fmt.Errorf("listed %q", got)
	}
	return nil
}

func tagging(c *s3.Client, bucket string) error {
	if err := put(c, bucket, "tagged", "x"); err != nil {
		return err
	}
	_, err := c.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{Bucket: &bucket, Key: aws.String("tagged"),
		Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}})
	if err != nil {
		return err
	}
	out, err := c.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: &bucket, Key: aws.String("tagged")})
	if err == nil && (len(out.TagSet) != 1 || *out.TagSet[0].Value != "v") {
		err = fmt.Errorf("tags %v", out.TagSet)
	}
	return err
}

func copying(c *s3.Client, bucket string) error {
	if err := put(c, bucket, "from é", "copied"); err != nil {
		return err
	}
	_, err := c.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &bucket, Key: aws.String("to"),
		CopySource: aws.String(bucket + "/from%20%C3%A9")})
	if err != nil {
		return err
	}
	got, err := read(c, &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("to")})
	if err == nil && string(got) != "copied" {
		err = fmt.Errorf("copy holds %q", got)
	}
	return err
}

func presigned(c *s3.Client, bucket string) error {
	p := s3.NewPresignClient(c)
	signed, err := p.PresignPutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("signed")})
	if err != nil {
		return err
	}
	request, _ := http.NewRequest(signed.Method, signed.URL, strings.NewReader("by url"))
	answer, err := http.DefaultClient.Do(request)
	if err != nil || answer.StatusCode != 200 {
		return fmt.Errorf("PUT by URL: %v %v", answer, err)
	}
	got, err := read(c, &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("signed")})
	if err == nil && string(got) != "by url" {
		err = fmt.Errorf("holds %q", got)
	}
	return err
}

func versions(c *s3.Client, bucket string) error {
	_, err := c.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: &bucket,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}})
	if err != nil {
		return err
	}
	for _, text := range []string{"one", "two"} {
		if err := put(c, bucket, "v", text); err != nil {
			return err
		}
	}
	if _, err := c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String("v")}); err != nil {
		return err
	}
	out, err := c.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &bucket, Prefix: aws.String("v")})
	if err != nil {
		return err
	}
	if len(out.Versions) != 2 || len(out.DeleteMarkers) != 1 {
		return fmt.Errorf("%d versions, %d markers", len(out.Versions), len(out.DeleteMarkers))
	}
	got, err := read(c, &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("v"), VersionId: out.Versions[1].VersionId})
	if err == nil && string(got) != "one" {
		err = fmt.Errorf("the older version is %q", got)
	}
	return err
}

func absent(c *s3.Client, bucket string) error {
	_, err := read(c, &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("absent")})
	var missing *types.NoSuchKey
	if !errors.As(err, &missing) {
		return fmt.Errorf("absent key: %v", err)
	}
	return nil
}

func clean(c *s3.Client, bucket string) error {
	out, err := c.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &bucket})
	if err != nil {
		return err
	}
	var all []types.ObjectIdentifier
	for _, v := range out.Versions {
		all = append(all, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
	}
	for _, m := range out.DeleteMarkers {
		all = append(all, types.ObjectIdentifier{Key: m.Key, VersionId: m.VersionId})
	}
	gone, err := c.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &types.Delete{Objects: all}})
	if err != nil {
		return err
	}
	if len(gone.Errors) > 0 {
		return fmt.Errorf("%d were not deleted", len(gone.Errors))
	}
	_, err = c.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &bucket})
	return err
}

func main() {
	bucket := "go-aws-clients"
	cfg, err := config.LoadDefaultConfig(ctx)
	if err == nil {
		c := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
		_, err = c.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket})
		tests := []test{{"round trip", roundTrip}, {"multipart", multipart}, {"conditional put", conditions},
			{"listing", listing}, {"tagging", tagging}, {"copy", copying}, {"presigned", presigned},
			{"absent key", absent}, {"versions", versions}, {"clean up", clean}}
		for i, t := range tests {
			if err != nil {
				break
			}
			if failed := t.run(c, bucket); failed != nil {
				fmt.Printf("not ok %d - %s # %v\n", i+1, t.name, failed)
			} else {
				fmt.Printf("ok %d - %s\n", i+1, t.name)
			}
		}
	}
	if err != nil {
		fmt.Println("not ok 1 - start #", err)
		os.Exit(1)
	}
}
