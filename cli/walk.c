#include "cli/walk.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static const char *skip_slashes(const char *at)
{
    while (*at == '/')
        at++;
    return at;
}

static const char *problem_of(const FTSENT *e)
{
    if (e->fts_info == FTS_DC)
        return "a link back to a folder above it";
    if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR || e->fts_info == FTS_NS)
        return strerror(e->fts_errno);
    if (e->fts_info == FTS_SLNONE)
        return "a link to nothing";
    return e->fts_info == FTS_DEFAULT ? "neither a file nor a folder" : NULL;
}

void walk_folder(const char *folder, walk_file_fn *on_file, walk_problem_fn *on_problem, void *user)
{
    char *copy = strdup(folder);
    char *const roots[] = {copy, NULL};
    FTS *tree = copy ? fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name) : NULL;
    FTSENT *e;

    if (!tree) {
        on_problem(folder, strerror(errno), user);
        free(copy);
        return;
    }
    while ((e = fts_read(tree))) {
        const char *why = problem_of(e);
        if (why)
            on_problem(e->fts_path, why, user);
        else if (e->fts_info == FTS_F)
            on_file(e->fts_path, skip_slashes(e->fts_path + strlen(folder)), user);
    }
    if (errno != 0)
        on_problem(folder, strerror(errno), user);
    (void)fts_close(tree);
    free(copy);
}
