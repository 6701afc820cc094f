/* The policies every store has, as users of MinIO know them: readwrite, readonly, writeonly, admin.
 */
#ifndef PENSTOCK_IAM_IAM_BUILTIN_H
#define PENSTOCK_IAM_IAM_BUILTIN_H

#include "iam/iam_doc.h"

enum { IAM_BUILTIN_COUNT = 4 };

enum err iam_builtin_new(unsigned index, struct iam_doc **doc_out, struct buf *why) MUST_CHECK;

#endif
