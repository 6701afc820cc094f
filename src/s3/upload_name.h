/* How uploads and their parts are named in the engine (engine.h, SPACE_UPLOAD and SPACE_PART). */
#ifndef PENSTOCK_S3_UPLOAD_NAME_H
#define PENSTOCK_S3_UPLOAD_NAME_H

#include "base/region.h"

enum { UPLOAD_NAME_ID_BYTES_MAX = 64 };

/* An upload id: 1 to 64 of A-Z a-z 0-9 . _ -; anything else names no upload. */
bool upload_name_is_valid(struct view id);
/* key, NUL, id. at == NULL: no memory. */
struct view upload_name(struct region *R, struct view key, struct view id) MUST_CHECK;
/* id '/' and the number as 5 digits; in UPLOAD_NAME_PART_BYTES_MAX bytes at `at`, or in a region.
 */
enum { UPLOAD_NAME_PART_BYTES_MAX = UPLOAD_NAME_ID_BYTES_MAX + 7 };
struct view upload_name_part_over(uint8_t *at, struct view id, unsigned number);
struct view upload_name_part(struct region *R, struct view id, unsigned number) MUST_CHECK;

#endif
