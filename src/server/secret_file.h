/* Small files with secrets: mode 0600, refused when others may read them, on the disk before use.
 */
#ifndef PENSTOCK_SERVER_SECRET_FILE_H
#define PENSTOCK_SERVER_SECRET_FILE_H

#include "base/bytes.h"

/* ERR_NOT_FOUND when there is none; ERR_DENIED when others may read it; longer ones are cut. */
enum err secret_file_read(const char *path, struct buf *text_out, struct buf *why) MUST_CHECK;
/* Under its name only when all of it is durable. */
enum err secret_file_write(const char *path, struct view text, struct buf *why) MUST_CHECK;

#endif
