/*
 * XML of S3 answers, by path: fn is called at the end of every element with "Root/Child/Leaf" and
 * the element's own text (trimmed of nothing). No entities are defined, no DTD is followed.
 */
#ifndef PENSTOCK_CLIENT_XML_H
#define PENSTOCK_CLIENT_XML_H

#include "base/bytes.h"

typedef void client_xml_fn(void *ctx, const char *path, struct view text);

/* False: not well-formed, or deeper or longer than any answer is. */
bool client_xml_read(struct view xml, client_xml_fn *fn, void *ctx);
/* The first element at `path` as a string into to; false when there is none. */
bool client_xml_text(struct view xml, const char *path, char *to, size_t cap);
/* Appends text with & < > escaped. */
void client_xml_put(struct buf *b, struct view text);

#endif
