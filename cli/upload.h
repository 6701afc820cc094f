/* A local file or stream into an object. */
#ifndef PENSTOCK_CLI_UPLOAD_H
#define PENSTOCK_CLI_UPLOAD_H

#include "cli/session.h"

/*
 * upload_file: starts; ends in a later queue call, in queue_drain at the latest. Copies what it
 * needs. Small files are read into a slot, large ones are mapped and handed to the library whole,
 * which sends parts in parallel. What is not a regular file is read as a stream.
 */
void upload_file(struct session *S, const char *path, const char *bucket, const char *key);
/*
 * upload_stream: stores what fd gives until its end; blocking. Up to QUEUE_SLOT_BYTES as one
 * object, more as parts sent one after the other by HTTP: with --direct require that is refused.
 */
void upload_stream(
    struct session *S, int fd, const char *from, const char *bucket, const char *key);

#endif
