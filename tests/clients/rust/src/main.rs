//! The object_store crate (what LanceDB, delta-rs and Polars use) against a server: TAP on standard output.
use futures::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder, S3ConditionalPut};
use object_store::path::Path;
use object_store::{Attribute, Attributes, Error, GetOptions, GetRange, ObjectStore, PutMode, PutOptions, PutPayload, UpdateVersion};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn check(holds: bool, what: impl Into<String>) -> Outcome {
    if holds { Ok(()) } else { Err(what.into().into()) }
}

async fn round_trip(s: &AmazonS3) -> Outcome {
    let attributes = Attributes::from_iter([(Attribute::ContentType, "text/plain")]);
    s.put_opts(&Path::from("dir/a b"), PutPayload::from_static(b"hello"), PutOptions { attributes, ..Default::default() }).await?;
    let got = s.get(&Path::from("dir/a b")).await?;
    check(got.attributes.get(&Attribute::ContentType).map(|v| v.as_ref()) == Some("text/plain"), "the type is lost")?;
    check(got.bytes().await?.as_ref() == b"hello", "other bytes")
}

async fn ranges(s: &AmazonS3) -> Outcome {
    let options = GetOptions { range: Some(GetRange::Suffix(2)), ..Default::default() };
    check(s.get_opts(&Path::from("dir/a b"), options).await?.bytes().await?.as_ref() == b"lo", "a suffix")?;
    check(s.get_ranges(&Path::from("dir/a b"), &[0..2, 3..5]).await?.concat() == b"helo", "two ranges")
}

async fn create_once(s: &AmazonS3) -> Outcome {
    let at = Path::from("once");
    let create = || PutOptions { mode: PutMode::Create, ..Default::default() };
    s.put_opts(&at, PutPayload::from_static(b"1"), create()).await?;
    let second = s.put_opts(&at, PutPayload::from_static(b"2"), create()).await;
    check(matches!(second, Err(Error::AlreadyExists { .. })), format!("the second writer: {second:?}"))
}

async fn update_if_match(s: &AmazonS3) -> Outcome {
    let at = Path::from("update");
    let first = s.put(&at, PutPayload::from_static(b"1")).await?;
    let version = UpdateVersion { e_tag: first.e_tag, version: None };
    let update = || PutOptions { mode: PutMode::Update(version.clone()), ..Default::default() };
    s.put_opts(&at, PutPayload::from_static(b"2"), update()).await?;
    let stale = s.put_opts(&at, PutPayload::from_static(b"3"), update()).await;
    check(matches!(stale, Err(Error::Precondition { .. })), format!("a stale update: {stale:?}"))
}

async fn multipart(s: &AmazonS3) -> Outcome {
    let at = Path::from("large");
    let part: bytes::Bytes = (0..6 << 20).map(|i| (i % 251) as u8).collect::<Vec<_>>().into();
    let mut upload = s.put_multipart(&at).await?;
    for _ in 0..2 {
        upload.put_part(part.clone().into()).await?;
    }
    upload.complete().await?;
    let got = s.get(&at).await?.bytes().await?;
    check(got.len() == 12 << 20 && got[..6 << 20] == part && got[6 << 20..] == part, "other bytes")
}

async fn listing(s: &AmazonS3) -> Outcome {
    for key in ["l/a", "l/b/1", "l/b/2", "l/é"] {
        s.put(&Path::parse(key)?, PutPayload::from_static(b"x")).await?;
    }
    let page = s.list_with_delimiter(Some(&Path::from("l"))).await?;
    let names: Vec<_> = page.objects.iter().map(|o| o.location.to_string()).collect();
    check(names == ["l/a", "l/é"] && page.common_prefixes == [Path::from("l/b")], format!("{names:?} {:?}", page.common_prefixes))?;
    let after: Vec<_> = s.list_with_offset(Some(&Path::from("l")), &Path::from("l/b/1")).try_collect().await?;
    check(after.len() == 2, format!("after an offset: {after:?}"))
}

async fn copying(s: &AmazonS3) -> Outcome {
    s.copy(&Path::parse("l/é")?, &Path::from("copy")).await?;
    s.rename(&Path::from("copy"), &Path::from("renamed")).await?;
    check(matches!(s.head(&Path::from("copy")).await, Err(Error::NotFound { .. })), "the old name is there")?;
    check(s.head(&Path::from("renamed")).await?.size == 1, "the new name")
}

async fn remove_all(s: &AmazonS3) -> Outcome {
    let all = s.list(None).map_ok(|o| o.location).boxed();
    let gone: Vec<_> = s.delete_stream(all).try_collect().await?;
    check(gone.len() == 9, format!("removed {gone:?}"))?;
    check(s.list(None).next().await.is_none(), "something is left")
}

fn report(n: usize, name: &str, outcome: Outcome) {
    match outcome {
        Ok(()) => println!("ok {n} - {name}"),
        Err(e) => println!("not ok {n} - {name} # {}", e.to_string().replace('\n', " ")),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let store = AmazonS3Builder::from_env()
        .with_bucket_name("rust-clients")
        .with_allow_http(true)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .build()
        .expect("a store");
    report(1, "round trip", round_trip(&store).await);
    report(2, "ranges", ranges(&store).await);
    report(3, "create once", create_once(&store).await);
    report(4, "update if match", update_if_match(&store).await);
    report(5, "multipart", multipart(&store).await);
    report(6, "listing", listing(&store).await);
    report(7, "copy and rename", copying(&store).await);
    report(8, "remove all", remove_all(&store).await);
}
