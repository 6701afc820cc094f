#include <limits.h>

#include "cli/cli.h"
#include "cli/remove.h"

static void remove_bucket(struct session *S, const char *text, bool is_forced)
{
    const struct report_what what = {"rb", text, NULL};
    struct ps_result result = {0};
    unsigned failures = S->report.failures;
    struct url u;

    if (!session_parse_s3(S, "rb", text, &u))
        return;
    if (u.key[0] || !u.bucket[0]) {
        report_problem(&S->report, &what, "not of the form s3://BUCKET");
        return;
    }
    if (is_forced)
        (void)remove_prefix(S, u.bucket, "");
    if (S->report.failures > failures)
        return;
    if (ps_bucket_remove(S->client, u.bucket, &result) != PS_OK)
        session_failed(S, "rb", text, &result);
    else
        report_done(&S->report, &what);
}

int rb_main(int argc, char **argv)
{
    bool is_forced = false;
    const struct args_option options[] = {
        {'f', "force", NULL, "remove the objects in it first", .flag = &is_forced},
    };
    const struct args_spec spec = {
        .usage = "rb [-f] [options] s3://BUCKET...",
        .about = "Removes buckets, which must be empty.\n",
        .options = options,
        .option_count = 1,
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
            remove_bucket(&S, a.operands[i], is_forced);
    return session_close(&S);
}
