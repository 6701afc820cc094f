/* The memory engine against the engine suite. */
#include "engine/memory/memory.h"
#include "engine_suite.h"

static enum err open_memory(
    struct reactor **owners, unsigned owner_count, struct arena *A, bool is_reopen,
    struct engine **engine_out)
{
    (void)is_reopen;
    return engine_memory_new(owners, owner_count, A, engine_out);
}

int main(void)
{
    return engine_suite_run(&(struct engine_factory){.name = "memory", .open = open_memory});
}
