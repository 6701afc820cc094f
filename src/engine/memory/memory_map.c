#include "engine/memory/memory_map.h"

#include <assert.h>
#include <stdlib.h>

#include "engine/memory/memory_alloc.h"

static int key_compare(const struct engine_key *a, const struct engine_key *b)
{
    int order;

    if (a->space != b->space)
        return a->space < b->space ? -1 : 1;
    order = view_compare(a->bucket, b->bucket);
    return order ? order : view_compare(a->name, b->name);
}

size_t memory_map_seek(const struct memory_map *m, struct engine_key key)
{
    size_t low = 0, high = m->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (key_compare(&m->at[middle]->key, &key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_key_at(const struct memory_map *m, size_t i, const struct engine_key *key)
{
    return i < m->count && key_compare(&m->at[i]->key, key) == 0;
}

struct memory_record *memory_map_find(const struct memory_map *m, struct engine_key key)
{
    size_t i = memory_map_seek(m, key);

    return is_key_at(m, i, &key) ? m->at[i] : NULL;
}

static bool is_under(const struct memory_record *r, const struct engine_key *prefix)
{
    return r->key.space == prefix->space && view_eq(r->key.bucket, prefix->bucket) &&
           view_starts(r->key.name, prefix->name);
}

bool memory_map_has_any(const struct memory_map *m, enum engine_space space, struct view bucket)
{
    struct engine_key key = {space, bucket, VIEW_EMPTY};
    size_t i = memory_map_seek(m, key);

    return i < m->count && is_under(m->at[i], &key);
}

enum err memory_map_reserve(struct memory_map *m, size_t count)
{
    void *at = m->at;

    while (m->cap - m->count < count) {
        TRY(memory_alloc_grow(&at, &m->cap, sizeof(struct memory_record *)));
        m->at = at;
    }
    return ERR_OK;
}

void memory_map_put(struct memory_map *m, struct memory_record *r)
{
    size_t i = memory_map_seek(m, r->key);

    if (is_key_at(m, i, &r->key)) {
        memory_record_unref(m->at[i]);
        m->at[i] = r;
        return;
    }
    assert(m->count < m->cap);
    memmove(&m->at[i + 1], &m->at[i], (m->count - i) * sizeof(struct memory_record *));
    m->at[i] = r;
    m->count++;
}

/* Entries [first, end) go. */
static void remove_range(struct memory_map *m, size_t first, size_t end)
{
    if (first == end)
        return;
    for (size_t i = first; i < end; i++)
        memory_record_unref(m->at[i]);
    memmove(&m->at[first], &m->at[end], (m->count - end) * sizeof(struct memory_record *));
    m->count -= end - first;
}

void memory_map_remove(struct memory_map *m, struct engine_key key)
{
    size_t i = memory_map_seek(m, key);

    if (is_key_at(m, i, &key))
        remove_range(m, i, i + 1);
}

void memory_map_remove_prefix(struct memory_map *m, struct engine_key key)
{
    size_t first = memory_map_seek(m, key), end = first;

    while (end < m->count && is_under(m->at[end], &key))
        end++;
    remove_range(m, first, end);
}

void memory_map_done(struct memory_map *m)
{
    remove_range(m, 0, m->count);
    free(m->at);
    *m = (struct memory_map){0};
}
