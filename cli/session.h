/* What a client command works with, from its arguments to its exit status. */
#ifndef PENSTOCK_CLI_SESSION_H
#define PENSTOCK_CLI_SESSION_H

#include "cli/args.h"
#include "cli/queue.h"
#include "cli/report.h"
#include "cli/url.h"

struct session {
    struct ps_client *client;
    struct queue queue;
    struct report report;
    const char *content_type; /* of what is stored, or NULL */
    bool requires_direct;
    bool sync; /* files reach stable storage before their names appear */
};

/* Connects; false after a complaint. */
bool session_open(struct session *S, const struct args *a);
/* Drains, closes; the exit status. Also after a session_open that failed. */
int session_close(struct session *S);
/* A blocking call has failed: one complaint. verb and name as in report_what. */
void session_failed(
    struct session *S, const char *verb, const char *name, const struct ps_result *result);
/* "s3://bucket/key" into to. */
enum { SESSION_NAME_MAX = URL_BUCKET_MAX + URL_KEY_MAX + 8 };
void session_name(char to[SESSION_NAME_MAX], const char *bucket, const char *key);
/* Parses an operand that must be on the server; a complaint, counted, and false otherwise. */
bool session_parse_s3(struct session *S, const char *verb, const char *text, struct url *u_out);

#endif
