/*
 * One page of a listing, for implementations: the rules of engine_list over any ordered cursor.
 *
 *   engine_page_init(&page, l)
 *   seek to the first name >= engine_page_first(&page)
 *   for each name: switch (engine_page_offer(&page, name, info))
 *       PAGE_NEXT:  step to the next name
 *       PAGE_PAST:  seek to the first name > page.past that does not start with it
 *       PAGE_END:   done; complete l->op with page.err
 *   (no more names: done as well)
 *
 * Names must come in byte order, from one space and bucket (of versions: from both). Fills
 * l->items, count, is_truncated.
 */
#ifndef PENSTOCK_ENGINE_ENGINE_PAGE_H
#define PENSTOCK_ENGINE_ENGINE_PAGE_H

#include "engine/engine.h"

struct engine_page {
    struct engine_list *l;
    struct view past; /* PAGE_PAST: a view of l->items memory, or of the name offered */
    unsigned cap;     /* of l->items */
    enum err err;     /* ERR_BUSY: the region is exhausted */
};

enum engine_page_next { PAGE_NEXT, PAGE_PAST, PAGE_END };

void engine_page_init(struct engine_page *page, struct engine_list *l);
/* A view of l's own bytes. */
struct view engine_page_first(const struct engine_page *page);
/* info: its etag and meta are copied; meta cut to l->meta_max. */
enum engine_page_next
engine_page_offer(struct engine_page *page, struct view name, const struct engine_info *info);
/* The same with versions: in the order of (name, seq falling). is_itself: from SPACE_OBJECT. The
 * first that is offered of a name is the latest, unless the page begins inside of it. */
enum engine_page_next engine_page_offer_version(
    struct engine_page *page, struct view name, const struct engine_info *info, bool is_itself);

#endif
