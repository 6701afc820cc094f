/*
 * What there is of a key, as a line of text: the versions from the newest to the oldest, each by
 * its etag, a marker as X, the null version with 0 behind, the latest with *. "two* X one0".
 */
#ifndef PENSTOCK_TESTS_ENGINE_SUITE_STORY_H
#define PENSTOCK_TESTS_ENGINE_SUITE_STORY_H

#include "engine_suite_stand.h"

/* story_is(name, text): asserts that listing tells this, and that every version, the null version
 * and the latest are found by lookup as the listing has them. */
void story_is(const char *name, const char *text);
/* The seq of version i of the story, the newest being 0. */
uint64_t story_seq(const char *name, unsigned i);

/* In stand.bucket; etag and payload are the text; assert. */
void story_put(const char *name, const char *text);
void story_remove(const char *name);
enum err story_remove_version(const char *name, struct engine_version version);
/* Version i of the story; asserts. */
void story_remove_nth(const char *name, unsigned i);

static inline struct engine_version version_of(uint64_t seq)
{
    return (struct engine_version){VERSION_SEQ, seq};
}

extern const struct engine_version version_null;

#endif
