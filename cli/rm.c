#include <limits.h>

#include "cli/cli.h"
#include "cli/remove.h"

static void remove_tree(struct session *S, struct url *u)
{
    const struct report_what what = {"rm", u->text, NULL};

    if (!url_make_folder(u))
        report_problem(&S->report, &what, "the key is too long");
    else
        (void)remove_prefix(S, u->bucket, u->key);
}

static void remove_operand(struct session *S, const char *text, bool is_recursive)
{
    const struct report_what what = {"rm", text, NULL};
    struct ps_result result = {0};
    struct url u;

    if (!session_parse_s3(S, "rm", text, &u))
        return;
    if (!u.bucket[0])
        report_problem(&S->report, &what, "the bucket is missing");
    else if (is_recursive)
        remove_tree(S, &u);
    else if (!u.key[0])
        report_problem(&S->report, &what, "the key is missing (-r takes all keys)");
    else if (ps_remove(S->client, u.bucket, u.key, &result) != PS_OK)
        session_failed(S, "rm", text, &result);
    else
        report_done(&S->report, &what);
}

int rm_main(int argc, char **argv)
{
    bool is_recursive = false;
    const struct args_option options[] = {
        {'r', "recursive", NULL, "all keys below KEY/", .flag = &is_recursive},
    };
    const struct args_spec spec = {
        .usage = "rm [-r] [options] s3://BUCKET/KEY...",
        .about = "Removes objects. As S3 has it, removing what is not there succeeds.\n",
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
            remove_operand(&S, a.operands[i], is_recursive);
    return session_close(&S);
}
