// minio-go against a server: TAP on standard output.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/tags"
)

var ctx = context.Background()

type test struct {
	name string
	run  func(c *minio.Client, bucket string) error
}

func put(c *minio.Client, bucket, key, text string) error {
	_, err := c.PutObject(ctx, bucket, key, strings.NewReader(text), int64(len(text)), minio.PutObjectOptions{})
	return err
}

func read(c *minio.Client, bucket, key string, o minio.GetObjectOptions) ([]byte, error) {
	object, err := c.GetObject(ctx, bucket, key, o)
	if err != nil {
		return nil, err
	}
	defer object.Close()
	return io.ReadAll(object)
}

func exists(c *minio.Client, bucket string) error {
	is, err := c.BucketExists(ctx, bucket)
	if err == nil && !is {
		err = errors.New("the bucket is not there")
	}
	return err
}

func roundTrip(c *minio.Client, bucket string) error {
	_, err := c.PutObject(ctx, bucket, "dir/key", strings.NewReader("hello"), 5,
		minio.PutObjectOptions{ContentType: "text/plain", UserMetadata: map[string]string{"Colour": "blue"}})
	if err != nil {
		return err
	}
	info, err := c.StatObject(ctx, bucket, "dir/key", minio.StatObjectOptions{})
	if err != nil {
		return err
	}
	if info.UserMetadata["Colour"] != "blue" || info.Size != 5 {
		return fmt.Errorf("stat says %v", info)
	}
	got, err := read(c, bucket, "dir/key", minio.GetObjectOptions{})
	if err == nil && string(got) != "hello" {
		err = fmt.Errorf("read %q", got)
	}
	return err
}

// Length unknown and trailing checksums: how Milvus writes.
func stream(c *minio.Client, bucket string) error {
	data := make([]byte, 18<<20)
	rand.Read(data)
	_, err := c.PutObject(ctx, bucket, "stream", io.MultiReader(bytes.NewReader(data)), -1,
		minio.PutObjectOptions{PartSize: 5 << 20})
	if err != nil {
		return err
	}
	got, err := read(c, bucket, "stream", minio.GetObjectOptions{})
	if err == nil && !bytes.Equal(got, data) {
		err = errors.New("other bytes came back")
	}
	return err
}

func listing(c *minio.Client, bucket string) error {
	for _, key := range []string{"l/a b", "l/c/1", "l/c/2", "l/é"} {
		if err := put(c, bucket, key, key); err != nil {
			return err
		}
	}
	var names []string
	for o := range c.ListObjects(ctx, bucket, minio.ListObjectsOptions{Prefix: "l/"}) {
		if o.Err != nil {
			return o.Err
		}
		names = append(names, o.Key)
	}
	// The client tells the objects of a page first, then its prefixes.
	if got := strings.Join(names, " "); got != "l/a b l/é l/c/" {
		return fmt.Errorf("listed %q", got)
	}
	return nil
}

func compose(c *minio.Client, bucket string) error {
	from := minio.CopySrcOptions{Bucket: bucket, Object: "stream", MatchRange: true, Start: 0, End: 6<<20 - 1}
	_, err := c.ComposeObject(ctx, minio.CopyDestOptions{Bucket: bucket, Object: "composed"}, from,
		minio.CopySrcOptions{Bucket: bucket, Object: "dir/key"})
	if err != nil {
		return err
	}
	info, err := c.StatObject(ctx, bucket, "composed", minio.StatObjectOptions{})
	if err == nil && info.Size != 6<<20+5 {
		err = fmt.Errorf("%d bytes", info.Size)
	}
	return err
}

func tagging(c *minio.Client, bucket string) error {
	set, err := tags.NewTags(map[string]string{"k": "v"}, true)
	if err != nil {
		return err
	}
	if err := c.PutObjectTagging(ctx, bucket, "dir/key", set, minio.PutObjectTaggingOptions{}); err != nil {
		return err
	}
	got, err := c.GetObjectTagging(ctx, bucket, "dir/key", minio.GetObjectTaggingOptions{})
	if err == nil && got.ToMap()["k"] != "v" {
		err = fmt.Errorf("tags %v", got)
	}
	return err
}

func policy(c *minio.Client, bucket string) error {
	text := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},` +
		`"Action":["s3:GetObject"],"Resource":["arn:aws:s3:::` + bucket + `/dir/*"]}]}`
	if err := c.SetBucketPolicy(ctx, bucket, text); err != nil {
		return err
	}
	answer, err := http.Get(c.EndpointURL().String() + "/" + bucket + "/dir/key")
	if err != nil || answer.StatusCode != 200 {
		return fmt.Errorf("anonymous: %v %v", answer, err)
	}
	return c.SetBucketPolicy(ctx, bucket, "")
}

func presigned(c *minio.Client, bucket string) error {
	u, err := c.PresignedGetObject(ctx, bucket, "dir/key", time.Minute,
		url.Values{"response-content-type": {"x/y"}})
	if err != nil {
		return err
	}
	answer, err := http.Get(u.String())
	if err != nil || answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "x/y" {
		return fmt.Errorf("GET by URL: %v %v", answer, err)
	}
	return nil
}

func remove(c *minio.Client, bucket string) error {
	if err := c.EnableVersioning(ctx, bucket); err != nil {
		return err
	}
	if err := put(c, bucket, "dir/key", "newer"); err != nil {
		return err
	}
	objects := c.ListObjects(ctx, bucket, minio.ListObjectsOptions{Recursive: true, WithVersions: true})
	for failed := range c.RemoveObjects(ctx, bucket, objects, minio.RemoveObjectsOptions{}) {
		return failed.Err
	}
	return c.RemoveBucket(ctx, bucket)
}

func main() {
	bucket := "go-minio-clients"
	at, err := url.Parse(os.Getenv("AWS_ENDPOINT_URL"))
	if err != nil {
		fmt.Println("not ok 1 - start #", err)
		os.Exit(1)
	}
	c, err := minio.New(at.Host, &minio.Options{Creds: credentials.NewEnvAWS(), Secure: at.Scheme == "https",
		TrailingHeaders: true})
	if err == nil {
		err = c.MakeBucket(ctx, bucket, minio.MakeBucketOptions{})
	}
	tests := []test{{"bucket exists", exists}, {"round trip", roundTrip}, {"stream", stream}, {"listing", listing},
		{"compose", compose}, {"tagging", tagging}, {"policy", policy}, {"presigned", presigned}, {"remove all", remove}}
	for i, t := range tests {
		if err != nil {
			fmt.Println("not ok 1 - start #", err)
			os.Exit(1)
		}
		if failed := t.run(c, bucket); failed != nil {
			fmt.Printf("not ok %d - %s # %v\n", i+1, t.name, failed)
		} else {
			fmt.Printf("ok %d - %s\n", i+1, t.name)
		}
	}
}
