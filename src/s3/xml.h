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
#include "loop/op.h"

enum { XML_DEPTH_MAX = 8, XML_NODES_MAX = 60000, XML_TEXT_BYTES_MAX = 8192 };

struct xml_node {
    struct view name;
    struct view text; /* character data, joined, not trimmed; none when there are elements inside */
    struct xml_node *first, *next;
};

/* xml_parse(body, R, root_out): in one go, so for small bodies. ERR_MALFORMED; ERR_BUSY when the
 * region is exhausted. */
enum err xml_parse(struct view body, struct region *R, struct xml_node **root_out) MUST_CHECK;

/*
 * xml_read(x): a long body, whose root has many children (the parts of an upload, the keys to
 * delete), piece by piece over as many turns as it takes (invariant 7). Each child of the root is
 * given to `child` when it has ended; node and texts are gone when child returns, so that memory
 * does not grow with the body.
 * Errors   ERR_MALFORMED, also when the root is not called `root`; ERR_BUSY; what `child` returns.
 */
struct xml_read {
    struct op op;
    struct view body;      /* lives until advance */
    struct region *region; /* of the request, on this reactor */
    const char *root;
    enum err (*child)(struct xml_read *x, const struct xml_node *n);

    struct op step; /* the rest is private */
    struct region scratch;
    struct xml_parser *parser;
};
void xml_read(struct xml_read *x);

/* The first child of that name, or NULL. xml_child_text: its text, not trimmed (keys may begin with
 * spaces); at == NULL without one. */
const struct xml_node *xml_child(const struct xml_node *n, const char *name);
struct view xml_child_text(const struct xml_node *n, const char *name);
/* Has n only elements of `names` (separated by spaces) inside, each once at most? What a schema
 * does not know must not be ignored: it may change what is asked for. */
bool xml_has_only(const struct xml_node *n, const char *names);

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
