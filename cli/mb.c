#include <limits.h>

#include "cli/cli.h"
#include "cli/session.h"

static void make(struct session *S, const char *text)
{
    const struct report_what what = {"mb", text, NULL};
    struct ps_result result = {0};
    struct url u;

    if (!session_parse_s3(S, "mb", text, &u))
        return;
    if (u.key[0] || !u.bucket[0])
        report_problem(&S->report, &what, "not of the form s3://BUCKET");
    else if (ps_bucket_create(S->client, u.bucket, &result) != PS_OK)
        session_failed(S, "mb", text, &result);
    else
        report_done(&S->report, &what);
}

int mb_main(int argc, char **argv)
{
    const struct args_spec spec = {
        .usage = "mb [options] s3://BUCKET...",
        .about = "Makes buckets.\n",
        .operands_min = 1,
        .operands_max = INT_MAX,
    };
    struct args a;
    struct session S;

    int status = args_read(&a, &spec, argc, argv);
    if (status != ARGS_GO)
        return status;
    if (session_open(&S, &a))
        for (int i = 0; i < a.count; i++)
            make(&S, a.operands[i]);
    return session_close(&S);
}
