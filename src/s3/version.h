/*
 * Version ids as clients see them, pure: "null", or 32 lower-case hex digits made of the engine's
 * seq: 16 of seq, scrambled so that nobody counts on their order, 16 of check, so that what no
 * server ever gave is told apart (InvalidArgument) from what is gone (NoSuchVersion).
 */
#ifndef PENSTOCK_S3_VERSION_H
#define PENSTOCK_S3_VERSION_H

#include "engine/engine.h"
#include "s3/errors.h"

enum { VERSION_TEXT_BYTES = 33 };

/* With a NUL. */
void version_text(uint64_t seq, unsigned flags, char to[VERSION_TEXT_BYTES]);
/* at == NULL: the latest. S3_InvalidArgument (empty or none of ours). */
enum s3_code version_read(struct view text, struct engine_version *v_out);

#endif
