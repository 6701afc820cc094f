"""pyarrow's S3 file system (what Milvus' storage and many loaders use) over Parquet, and fsspec's s3fs: TAP."""
import os
import traceback

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs as fs
import pyarrow.parquet as pq
import s3fs

BUCKET = "python-clients"
ENDPOINT = os.environ["AWS_ENDPOINT_URL"]


def arrow():
    return fs.S3FileSystem(endpoint_override=ENDPOINT.split("//")[1], scheme=ENDPOINT.split(":")[0],
                           allow_bucket_creation=True, allow_bucket_deletion=True, region="us-east-1")


def table():
    return pa.table({"id": list(range(100000)), "part": [str(i % 3) for i in range(100000)],
                     "vector": [[float(i), float(i + 1)] for i in range(100000)]})


def parquet_dataset():
    store = arrow()
    store.create_dir(BUCKET)
    ds.write_dataset(table(), f"{BUCKET}/data", filesystem=store, format="parquet",
                     partitioning=ds.partitioning(pa.schema([("part", pa.string())]), flavor="hive"))
    found = ds.dataset(f"{BUCKET}/data", filesystem=store, format="parquet", partitioning="hive")
    assert found.count_rows() == 100000
    got = found.to_table(filter=(ds.field("part") == 1) & (ds.field("id") < 100), columns=["id"])
    assert sorted(got["id"].to_pylist()) == list(range(1, 100, 3)), got


def parquet_ranges():
    """Reads one column of one row group: many small ranges."""
    store = arrow()
    pq.write_table(table(), f"{BUCKET}/one.parquet", filesystem=store, row_group_size=10000)
    group = pq.ParquetFile(f"{BUCKET}/one.parquet", filesystem=store).read_row_group(3, columns=["vector"])
    assert group["vector"][0].as_py() == [30000.0, 30001.0]


def arrow_large_stream():
    store = arrow()
    data = os.urandom(1 << 20) * 23
    with store.open_output_stream(f"{BUCKET}/stream") as out:  # multipart
        for at in range(0, len(data), 700000):
            out.write(data[at:at + 700000])
    with store.open_input_file(f"{BUCKET}/stream") as f:
        assert f.size() == len(data) and f.read_at(1000, 22 << 20) == data[22 << 20:(22 << 20) + 1000]


def arrow_directories():
    store = arrow()
    store.create_dir(f"{BUCKET}/d/e")
    assert store.get_file_info(f"{BUCKET}/d/e").type == fs.FileType.Directory
    store.move(f"{BUCKET}/stream", f"{BUCKET}/d/moved")
    names = {i.path for i in store.get_file_info(fs.FileSelector(f"{BUCKET}/d", recursive=True))}
    assert names == {f"{BUCKET}/d/e", f"{BUCKET}/d/moved"}, names


def fsspec_round_trip():
    s = s3fs.S3FileSystem(endpoint_url=ENDPOINT)
    s.pipe(f"{BUCKET}/f/a b", b"hello")
    assert s.cat_ranges([f"{BUCKET}/f/a b"] * 2, [0, 2], [2, 5]) == [b"he", b"llo"]
    with s.open(f"{BUCKET}/f/big", "wb", block_size=5 << 20) as f:
        f.write(b"x" * (12 << 20))
    assert s.info(f"{BUCKET}/f/big")["size"] == 12 << 20
    s.cp(f"{BUCKET}/f/big", f"{BUCKET}/f/copy")
    assert sorted(s.ls(f"{BUCKET}/f")) == [f"{BUCKET}/f/a b", f"{BUCKET}/f/big", f"{BUCKET}/f/copy"]
    s.put_tags(f"{BUCKET}/f/a b", {"k": "v"})
    assert s.get_tags(f"{BUCKET}/f/a b") == {"k": "v"}


def delete_all():
    s3fs.S3FileSystem(endpoint_url=ENDPOINT).rm(BUCKET, recursive=True)
    assert all(i.path != BUCKET for i in arrow().get_file_info(fs.FileSelector("")))


TESTS = [parquet_dataset, parquet_ranges, arrow_large_stream, arrow_directories, fsspec_round_trip, delete_all]
for number, test in enumerate(TESTS, 1):
    try:
        test()
        print(f"ok {number} - {test.__name__}", flush=True)
    except Exception:  # a client may fail in any way
        print(f"not ok {number} - {test.__name__} # " + traceback.format_exc()[-600:].replace("\n", " | "), flush=True)
