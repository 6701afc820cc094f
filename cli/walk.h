/* The files of a folder and of those in it, by name. Links are followed, loops are not. */
#ifndef PENSTOCK_CLI_WALK_H
#define PENSTOCK_CLI_WALK_H

#include <stdbool.h>

/* path as it can be opened; relative: behind the folder, no '/' in front. */
typedef void walk_file_fn(const char *path, const char *relative, void *user);
/* What cannot be read or stored (why: a sentence), by path. */
typedef void walk_problem_fn(const char *path, const char *why, void *user);

void walk_folder(
    const char *folder, walk_file_fn *on_file, walk_problem_fn *on_problem, void *user);

#endif
