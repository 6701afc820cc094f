#include "cli/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

/* --direct has been put into the variable, see args.c. */
static bool requires_direct(void)
{
    const char *mode = getenv("PENSTOCK_CLIENT_DIRECT");

    return mode && strcmp(mode, "require") == 0;
}

bool session_open(struct session *S, const struct args *a)
{
    *S = (struct session){0};
    report_start(&S->report, a->json, a->quiet);
    S->requires_direct = requires_direct();
    if (ps_connect(&a->connect, &S->client) != PS_OK) {
        const struct report_what what = {
            "connect", a->connect.endpoint ? a->connect.endpoint : "to the server", NULL};
        S->client = NULL;
        report_problem(&S->report, &what, ps_client_error());
        return false;
    }
    queue_init(&S->queue, S->client, &S->report.progress);
    return true;
}

int session_close(struct session *S)
{
    queue_done(&S->queue);
    ps_disconnect(S->client);
    S->client = NULL;
    report_end(&S->report);
    return S->report.failures ? CLI_FAILED : CLI_DONE;
}

void session_failed(
    struct session *S, const char *verb, const char *name, const struct ps_result *result)
{
    const struct report_what what = {verb, name, NULL};

    if (result->code[0] || result->message[0])
        report_failure(&S->report, &what, result);
    else
        report_problem(&S->report, &what, ps_client_error());
}

void session_name(char to[SESSION_NAME_MAX], const char *bucket, const char *key)
{
    (void)snprintf(to, SESSION_NAME_MAX, "s3://%s/%s", bucket, key);
}

bool session_parse_s3(struct session *S, const char *verb, const char *text, struct url *u_out)
{
    const struct report_what what = {verb, text, NULL};
    const char *why = "not of the form s3://BUCKET/KEY";

    if (url_parse(text, u_out, &why) && u_out->kind == URL_S3)
        return true;
    report_problem(&S->report, &what, why);
    return false;
}
