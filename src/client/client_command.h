/* Plain HTTP commands: a request, retried where that is safe, and what its answer says. */
#ifndef PENSTOCK_CLIENT_COMMAND_H
#define PENSTOCK_CLIENT_COMMAND_H

#include "client/client.h"
#include "client/client_exchange.h"

/*
 * Sends q until an answer comes that is not transient. *reply_out (malloc'ed, by
 * client_command_free) is set whenever an answer came, also with an error.
 */
enum ps_err client_command(
    struct ps_client *c, const struct client_request *q, struct client_reply **reply_out,
    struct ps_result *r);
void client_command_free(struct client_reply *reply);

enum ps_err client_command_head(
    struct ps_client *c, const char *bucket, const char *key, struct ps_stat *stat_out,
    struct ps_result *r);

/* What ps_list is given. */
struct client_listing {
    const char *bucket, *prefix, *delimiter;
    ps_list_fn *fn;
    void *user;
};
enum ps_err
client_command_list(struct ps_client *c, const struct client_listing *l, struct ps_result *r);

#endif
