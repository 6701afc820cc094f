/*
 * XML of S3: a writer into a bounded buffer, and a reader (Expat) that makes a small tree in the
 * request's region.
 *
 * The reader refuses documents with a DTD (no entities to blow up), more than XML_DEPTH_MAX levels
 * or XML_NODES_MAX elements; names lose their namespace prefix. Attributes are skipped.
 */
#ifndef PENSTOCK_S3_XML_H
#define PENSTOCK_S3_XML_H

#include "base/region.h"

enum { XML_DEPTH_MAX = 8, XML_NODES_MAX = 60000, XML_TEXT_BYTES_MAX = 8192 };

struct xml_node {
    struct view name;
    struct view text; /* character data directly inside, joined; not trimmed */
    struct xml_node *first, *next;
};

/* xml_parse(body, R, root_out): ERR_MALFORMED; ERR_BUSY when the region is exhausted. */
enum err xml_parse(struct view body, struct region *R, struct xml_node **root_out) MUST_CHECK;
/* The first child of that name, or NULL. xml_child_text: its text, not trimmed (keys may begin with
 * spaces); at == NULL without one. */
const struct xml_node *xml_child(const struct xml_node *n, const char *name);
struct view xml_child_text(const struct xml_node *n, const char *name);

/* Writing. `b` must be large enough (it keeps `overflow`). */
extern const char xml_prolog[]; /* <?xml version="1.0" encoding="UTF-8"?> and a line end */
void xml_open(struct buf *b, const char *name);
/* With the S3 namespace: the root element. */
void xml_open_root(struct buf *b, const char *name);
void xml_close(struct buf *b, const char *name);
/* <name>text</name>, escaped. */
void xml_text(struct buf *b, const char *name, struct view text);
void xml_u64(struct buf *b, const char *name, uint64_t n);
void xml_bool(struct buf *b, const char *name, bool is_true);
void xml_date(struct buf *b, const char *name, int64_t ms);
/* <ETag>"etag"</ETag>, quotes as &quot;. */
void xml_etag(struct buf *b, struct view etag);

#endif
