/* The rules of listing: prefix, after, delimiter, and the end of the page. */
#include "engine/engine_page.h"

enum { PAGE_ITEMS_FIRST = 32 };

void engine_page_init(struct engine_page *page, struct engine_list *l)
{
    *page = (struct engine_page){.l = l};
    l->items = NULL;
    l->count = 0;
    l->is_truncated = false;
}

struct view engine_page_first(const struct engine_page *page)
{
    const struct engine_list *l = page->l;

    return view_compare(l->after, l->prefix) > 0 ? l->after : l->prefix;
}

/* Doubles; what is given up is at most as much as what is used. */
static enum err page_grow(struct engine_page *page)
{
    struct engine_list *l = page->l;
    unsigned cap = MIN(page->cap ? 2 * page->cap : PAGE_ITEMS_FIRST, l->max_items);
    struct engine_item *items = region_take(l->region, cap * sizeof *items);

    if (!items)
        return ERR_BUSY;
    if (l->count > 0)
        memcpy(items, l->items, l->count * sizeof *items);
    l->items = items;
    page->cap = cap;
    return ERR_OK;
}

static enum err copy_view(struct region *R, struct view from, struct view *to)
{
    *to = VIEW_EMPTY;
    if (from.len == 0)
        return ERR_OK;
    *to = region_copy(R, from);
    return to->at ? ERR_OK : ERR_BUSY;
}

/* info NULL: a group. */
static enum err page_add(struct engine_page *page, struct view name, const struct engine_info *info)
{
    struct engine_list *l = page->l;
    struct engine_item *item;

    if (l->count == page->cap)
        TRY(page_grow(page));
    item = &l->items[l->count];
    *item = (struct engine_item){.is_prefix = !info};
    TRY(copy_view(l->region, name, &item->name));
    if (info) {
        item->info = *info;
        TRY(copy_view(l->region, info->etag, &item->info.etag));
        TRY(copy_view(l->region, view_upto(info->meta, l->meta_max), &item->info.meta));
    }
    l->count++;
    return ERR_OK;
}

/* Groups and entries obey `after` alike; of versions, older ones of that name may come. A seq is
 * never 0. */
static bool is_wanted(const struct engine_list *l, struct view name, uint64_t seq)
{
    int order;

    if (l->after.len == 0)
        return true;
    order = view_compare(name, l->after);
    if (order == 0)
        return l->is_after_inclusive || seq < l->after_seq;
    return order > 0;
}

/* The group a name rolls up into, len 0 when into none. */
static struct view group_of(const struct engine_list *l, struct view name)
{
    size_t at;

    if (l->delimiter.len == 0)
        return VIEW_EMPTY;
    at = view_find(view_from(name, l->prefix.len), l->delimiter);
    if (at == SIZE_MAX)
        return VIEW_EMPTY;
    return view_upto(name, l->prefix.len + at + l->delimiter.len);
}

enum engine_page_next
engine_page_offer(struct engine_page *page, struct view name, const struct engine_info *info)
{
    struct engine_list *l = page->l;
    struct view group;
    bool is_group;

    if (!view_starts(name, l->prefix))
        return view_compare(name, l->prefix) < 0 ? PAGE_NEXT : PAGE_END;
    group = group_of(l, name);
    is_group = group.len > 0;
    page->past = group;
    if (!is_wanted(l, is_group ? group : name, is_group ? UINT64_MAX : info->seq))
        return is_group ? PAGE_PAST : PAGE_NEXT;
    if (l->count == l->max_items) {
        l->is_truncated = true;
        return PAGE_END;
    }
    page->err = page_add(page, is_group ? group : name, is_group ? NULL : info);
    if (page->err) {
        l->count = 0;
        return PAGE_END;
    }
    if (is_group)
        page->past = l->items[l->count - 1].name;
    return is_group ? PAGE_PAST : PAGE_NEXT;
}

/* Has no version of this name been listed yet? */
static bool is_first(const struct engine_list *l, struct view name)
{
    if (l->count > 0)
        return !view_eq(l->items[l->count - 1].name, name);
    return l->after_seq == 0 || !view_eq(l->after, name);
}

enum engine_page_next engine_page_offer_version(
    struct engine_page *page, struct view name, const struct engine_info *info, bool is_itself)
{
    struct engine_list *l = page->l;
    bool is_latest = is_itself || is_first(l, name);
    unsigned before = l->count;
    enum engine_page_next next = engine_page_offer(page, name, info);

    if (l->count > before && !l->items[before].is_prefix)
        l->items[before].is_latest = is_latest;
    return next;
}
