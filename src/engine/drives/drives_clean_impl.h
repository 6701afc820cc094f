/* The cleaner's parts: drives_clean.c (states), _choose.c, _walk.c (helper threads), _move.c. */
#ifndef PENSTOCK_ENGINE_DRIVES_CLEAN_IMPL_H
#define PENSTOCK_ENGINE_DRIVES_CLEAN_IMPL_H

#include "engine/drives/drives_clean_move.h"
#include "engine/drives/drives_impl.h"

enum {
    CLEAN_VICTIMS_MAX = 16,
    CLEAN_MOVES_MAX = 16,
    CLEAN_FOUND_MAX = 64,    /* entries of one walk */
    CLEAN_WALK_STEPS = 4096, /* entries looked at in one walk: a reader must not live long */
    CLEAN_TRIES_MAX = 4      /* of a victim in which nothing changes */
};

enum clean_wait {
    CLEAN_IDLE,     /* woken by drives_clean_wake */
    CLEAN_CHOOSING, /* woken by the helper thread */
    CLEAN_KEEPING,  /* woken by drives_segment_take */
    CLEAN_WALKING,  /* woken by the helper thread */
    CLEAN_MOVING,   /* woken by each move */
    CLEAN_RESTING   /* woken by the timer */
};

enum clean_choice {
    CHOICE_NOTHING,
    CHOICE_UNSETTLED, /* what was moved is not in the tree yet: checkpoints first */
    CHOICE_KEEP,      /* an empty segment is to be kept, there is room for it */
    CHOICE_COUNT,     /* segments of earlier runs: what in them is alive has to be counted */
    CHOICE_VICTIMS
};

/* An entry that points into a victim. */
struct clean_found {
    uint64_t need; /* of memory, while it moves */
    size_t key_len;
    uint8_t key[DRIVES_KEY_BYTES_MAX];
};

struct drives_clean {
    struct drives *drives;
    struct reactor *home;
    struct drives_head head;          /* where payloads go */
    struct drives_tree_reader reader; /* helper threads, one walk at a time */

    /* any thread, atomic */
    _Atomic bool is_stopping, is_woken, is_short, is_busy;
    _Atomic uint32_t freed;   /* victims that came back, not counted yet */
    _Atomic uint64_t *settle; /* by owner: the last group with a relocation */
    struct op wake;

    /* home, or the work it waits for */
    enum clean_wait wait;
    bool is_again;  /* woken meanwhile */
    bool was_short; /* as last chosen */
    bool is_told;   /* the log has a line about the shortage */
    bool is_pass;   /* victims are being emptied */
    struct work work;
    struct timer timer;
    struct drives_take take;
    enum clean_choice choice;
    uint32_t victim_count;
    uint8_t *victims;  /* a bit per segment */
    uint64_t *counted; /* CHOICE_COUNT: by segment, payload and room */
    uint32_t counted_segments;
    size_t at_len; /* the walk goes on here */
    uint8_t at[DRIVES_KEY_BYTES_MAX];
    bool is_walked; /* to the end */
    struct clean_found found[CLEAN_FOUND_MAX];
    uint32_t found_count, found_next;
    struct drives_move moves[CLEAN_MOVES_MAX];
    unsigned moving, moved; /* under way; in this pass */
    uint64_t bytes;         /* under way */
    enum err err;           /* of the pass: it ends */
    uint64_t since_ns, debt_ns;
};

static inline bool drives_clean_is_victim(const struct drives_clean *c, uint32_t segment)
{
    return segment < SEGMENTS_MAX && c->victims[segment / 8] >> segment % 8 & 1;
}

/* drives_clean.c, at home, by a move. */
void drives_clean_moved(struct drives_move *m);
/* Helper threads. */
enum clean_choice drives_clean_choose(struct drives_clean *c);
enum err drives_clean_walk(struct drives_clean *c) MUST_CHECK;
/* Bytes of a record that puts `e` again, at the least. */
uint64_t drives_clean_record_bytes(const struct drives_entry *e, size_t key_len);
/* All was counted: what moving takes is known of these segments from now on. */
void drives_clean_counted(struct drives_clean *c);

#endif
