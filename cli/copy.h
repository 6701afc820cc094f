/* What cp, get and put share: which operand is what, and where each source goes. */
#ifndef PENSTOCK_CLI_COPY_H
#define PENSTOCK_CLI_COPY_H

#include "cli/session.h"

/* A command in terms of the directions it allows. */
struct copy_command {
    const char *usage, *about;
    bool may_get, may_put, may_copy;
    const char *default_target; /* with one operand, or NULL */
};

/* The whole command; the exit status. */
int copy_main(const struct copy_command *command, int argc, char **argv);

/* copy_tree.c: all below a folder or prefix. The target is a folder (a key that ends with '/', or
 * a path). Complaints are counted in the session. */
void copy_tree_put(struct session *S, const char *folder, const struct url *to);
void copy_tree_get(struct session *S, const struct url *from, const char *folder);
void copy_tree_server(struct session *S, const struct url *from, const struct url *to);

#endif
