/* Skip list: Pugh, CACM 33(6), 1990; levels with probability 1/4. */
#include "engine/drives/drives_memtable.h"

#include <stdlib.h>

enum { HEIGHT_MAX = 12, BLOCK_BYTES = 256 * 1024, ALIGN = 8 };

struct block {
    struct block *next;
    uint8_t bytes[];
};

struct drives_memtable {
    struct block *blocks;
    uint8_t *at, *end; /* the free part of the newest block */
    uint64_t entries, bytes;
    uint64_t random;
    struct drives_node *head[HEIGHT_MAX];
};

enum err drives_memtable_new(struct drives_memtable **m_out)
{
    struct drives_memtable *m = calloc(1, sizeof *m);

    if (!m)
        return ERR_NO_MEMORY;
    m->random = 0x9e3779b97f4a7c15;
    *m_out = m;
    return ERR_OK;
}

void drives_memtable_free(struct drives_memtable *m)
{
    if (!m)
        return;
    while (m->blocks) {
        struct block *b = m->blocks;

        m->blocks = b->next;
        free(b);
    }
    free(m);
}

/* A long piece gets a block of its own. */
static void *take(struct drives_memtable *m, size_t bytes)
{
    size_t room = BLOCK_BYTES - sizeof(struct block);
    struct block *b;
    uint8_t *piece;

    bytes = (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (bytes > (size_t)(m->end - m->at)) {
        bool is_long = bytes > room / 4;

        b = malloc(sizeof *b + (is_long ? bytes : room));
        if (!b)
            return NULL;
        b->next = m->blocks;
        m->blocks = b;
        if (is_long) {
            m->bytes += bytes;
            return b->bytes;
        }
        m->at = b->bytes;
        m->end = b->bytes + room;
    }
    piece = m->at;
    m->at += bytes;
    m->bytes += bytes;
    return piece;
}

static struct view copy(struct drives_memtable *m, struct view v)
{
    uint8_t *at;

    if (v.len == 0)
        return VIEW_EMPTY;
    at = take(m, v.len);
    if (!at)
        return VIEW_EMPTY;
    memcpy(at, v.at, v.len);
    return view_of(at, v.len);
}

static unsigned random_height(struct drives_memtable *m)
{
    unsigned height = 1;

    m->random ^= m->random << 13;
    m->random ^= m->random >> 7;
    m->random ^= m->random << 17;
    for (uint64_t r = m->random; (r & 3) == 0 && height < HEIGHT_MAX; r >>= 2)
        height++;
    return height;
}

/* The first node with a key >= key; links_out[i]: the link of level i that leads to or past it. */
static struct drives_node *
walk(struct drives_memtable *m, struct view key, struct drives_node **links_out[HEIGHT_MAX])
{
    struct drives_node **level = m->head;
    struct drives_node *found = NULL;

    for (unsigned i = HEIGHT_MAX; i-- > 0;) {
        while (level[i] && level[i] != found && view_compare(level[i]->key, key) < 0)
            level = level[i]->next;
        found = level[i];
        links_out[i] = &level[i];
    }
    return found;
}

enum err drives_memtable_put(struct drives_memtable *m, struct view key, struct view entry)
{
    struct drives_node **links[HEIGHT_MAX];
    struct drives_node *node = walk(m, key, links);
    struct view own = copy(m, entry);
    unsigned height;

    if (entry.len > 0 && !own.at)
        return ERR_NO_MEMORY;
    if (node && view_eq(node->key, key)) {
        node->entry = own;
        return ERR_OK;
    }
    height = random_height(m);
    node = take(m, sizeof *node + height * sizeof node->next[0]);
    if (!node)
        return ERR_NO_MEMORY;
    node->key = copy(m, key);
    node->entry = own;
    if (!node->key.at)
        return ERR_NO_MEMORY;
    for (unsigned i = 0; i < height; i++) {
        node->next[i] = *links[i];
        *links[i] = node;
    }
    m->entries++;
    return ERR_OK;
}

struct drives_node *drives_memtable_seek(const struct drives_memtable *m, struct view key)
{
    struct drives_node *const *level = m->head;
    struct drives_node *found = NULL;

    for (unsigned i = HEIGHT_MAX; i-- > 0;) {
        while (level[i] && level[i] != found && view_compare(level[i]->key, key) < 0)
            level = level[i]->next;
        found = level[i];
    }
    return found;
}

struct drives_node *drives_memtable_find(const struct drives_memtable *m, struct view key)
{
    struct drives_node *node = drives_memtable_seek(m, key);

    return node && view_eq(node->key, key) ? node : NULL;
}

uint64_t drives_memtable_entries(const struct drives_memtable *m)
{
    return m->entries;
}

uint64_t drives_memtable_bytes(const struct drives_memtable *m)
{
    return m->bytes;
}
