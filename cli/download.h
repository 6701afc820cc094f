/*
 * An object into a file or a stream, in ranges that are in flight together. The file appears when
 * the last byte is in it; a stream gets its bytes in order. All ranges must be of the same version
 * of the object (If-Match), and when the server knows a CRC-64/NVME of the whole, the bytes written
 * are checked against it.
 */
#ifndef PENSTOCK_CLI_DOWNLOAD_H
#define PENSTOCK_CLI_DOWNLOAD_H

#include "cli/session.h"

struct download_source {
    const char *bucket, *key;
    uint64_t bytes;
    const char *etag; /* or "" */
    bool has_crc64;
    uint64_t crc64;
};

/* Size, etag and checksum from the server; false after a complaint, which names the verb. stat and
 * u must outlive *source_out. */
bool download_look(
    struct session *S, const char *verb, const struct url *u, struct ps_stat *stat,
    struct download_source *source_out);
/*
 * Starts; ends (file in place and reported, or a complaint) in a later queue call at the latest in
 * queue_drain. Copies what it needs. path NULL: standard output, which only one may use at a time.
 */
void download_start(struct session *S, const struct download_source *source, const char *path);

#endif
