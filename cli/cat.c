#include <limits.h>

#include "cli/cli.h"
#include "cli/download.h"

static void print(struct session *S, const char *text)
{
    struct download_source source;
    struct ps_stat stat;
    struct url u;

    if (!session_parse_s3(S, "cat", text, &u) || !download_look(S, "cat", &u, &stat, &source))
        return;
    download_start(S, &source, NULL);
    queue_drain(&S->queue); /* one after the other */
}

int cat_main(int argc, char **argv)
{
    bool is_verbose = false;
    const struct args_option options[] = {
        {'v', "verbose", NULL, "say on standard error which way the bytes went",
         .flag = &is_verbose},
    };
    const struct args_spec spec = {
        .usage = "cat [options] s3://BUCKET/KEY...",
        .about = "Writes objects to standard output, one after the other.\n",
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
    a.quiet = !is_verbose;
    if (session_open(&S, &a)) {
        report_to_stderr(&S.report);
        for (int i = 0; i < a.count; i++)
            print(&S, a.operands[i]);
    }
    return session_close(&S);
}
