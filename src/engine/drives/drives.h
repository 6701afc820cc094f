/*
 * The engine on drives: the embedded default (docs/adr/0005-drives-engine.md,
 * docs/formats/drives.md).
 *
 * One folder holds one store. A put is durable before it is answered: payload and commit record are
 * on stable media (strict), or in the kernel's hands (is_relaxed, says so in the facts).
 */
#ifndef PENSTOCK_ENGINE_DRIVES_DRIVES_H
#define PENSTOCK_ENGINE_DRIVES_DRIVES_H

#include "engine/engine.h"

struct cache;

/* Zero means the default, everywhere. */
struct drives_config {
    const char *dir;         /* an existing store, or an empty folder, or one that can be made */
    struct reactor **owners; /* outlive the engine */
    unsigned owner_count;    /* may differ from what the store was written with */
    struct arena *arena;
    struct cache *cache;         /* NULL: none */
    bool is_relaxed;             /* answer before the bytes are on stable media */
    bool is_salvage;             /* open a damaged log: skip what is damaged in its middle */
    uint64_t log_segment_bytes;  /* 64 MiB; at least 64 KiB; bounds one record (key and meta) */
    uint64_t data_segment_bytes; /* 256 MiB; at least 2 MiB */
    uint64_t reserve_bytes;      /* kept free for removes; two log segments */
    uint64_t index_bytes_max;    /* address space of the index; 64 GiB */
    uint32_t inline_bytes_max;   /* payloads up to this live in the log; 32 KiB; at most 128 KiB */
    uint32_t memtable_entries_max; /* per owner, before a checkpoint; 65536 */
    uint64_t memtable_bytes_max;   /* the same in bytes; 32 MiB */
    /* The cleaner (drives_clean.h). */
    bool is_clean_off;
    unsigned clean_percent;   /* of a segment that may be alive; by how full the drive is */
    unsigned clean_share;     /* of the time in percent that it may work; 25 */
    uint64_t clean_bytes_max; /* under way at once; 4 MiB */
};

/*
 * engine_drives_open(config, engine_out, why): open or create the store, replaying its log. Blocks;
 * for start-up, from any thread, the work pool need not run yet (but must before the first
 * operation and until after engine_close).
 *
 * A folder that holds anything but a store is refused (ERR_EXISTS), except files named penstock.*,
 * dot files and lost+found. A second process: ERR_BUSY. Damage in the middle of the log or a
 * missing segment: ERR_CORRUPT. `why` gets one sentence about an error.
 */
enum err engine_drives_open(
    const struct drives_config *config, struct engine **engine_out, struct buf *why) MUST_CHECK;

#endif
