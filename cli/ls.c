#include <limits.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/jsonline.h"
#include "cli/session.h"

struct listing {
    struct session *S;
    bool is_recursive, is_human, is_names;
    struct url u;
    const char *shown_from; /* names are shown without what they begin with up to here */
    uint64_t found;
};

static void put_time(FILE *to, int64_t ms)
{
    char text[32] = {0};
    struct buf b = buf_over(text, sizeof text - 1);

    text_put_iso_date(&b, ms);
    (void)fprintf(to, "%.10s %.8s", text, text + 11);
}

static void print_json(const struct listing *l, const struct ps_entry *e)
{
    char mtime[32] = {0};
    struct buf b = buf_over(mtime, sizeof mtime - 1);
    struct jsonline j;

    text_put_iso_date(&b, e->mtime_ms);
    jsonline_open(&j, l->S->report.lines);
    if (!l->u.bucket[0]) {
        jsonline_text(&j, "bucket", e->name);
        jsonline_text(&j, "created", mtime);
    } else if (e->is_prefix) {
        jsonline_text(&j, "prefix", e->name);
    } else {
        jsonline_text(&j, "key", e->name);
        jsonline_number(&j, "bytes", e->bytes);
        jsonline_text(&j, "mtime", mtime);
        jsonline_text(&j, "etag", e->etag ? e->etag : "");
    }
    jsonline_close(&j);
}

static void print_name(const struct listing *l, const struct ps_entry *e)
{
    FILE *to = l->S->report.lines;

    (void)fputs("s3://", to);
    if (l->u.bucket[0])
        (void)fprintf(to, "%s/", l->u.bucket);
    report_name(&l->S->report, e->name);
    (void)fputc('\n', to);
}

static void print_text(const struct listing *l, const struct ps_entry *e)
{
    FILE *to = l->S->report.lines;
    char size[24];

    if (e->is_prefix) {
        (void)fprintf(to, "%19s %14s", "", "folder");
    } else {
        put_time(to, e->mtime_ms);
        if (l->is_human)
            progress_size(size, sizeof size, e->bytes);
        else
            (void)snprintf(size, sizeof size, "%llu", (unsigned long long)e->bytes);
        if (l->u.bucket[0])
            (void)fprintf(to, " %14s", size);
    }
    (void)fputc(' ', to);
    report_name(&l->S->report, e->name + strlen(l->shown_from));
    (void)fputc('\n', to);
}

static int on_entry(const struct ps_entry *e, void *user)
{
    struct listing *l = user;

    l->found++;
    if (l->S->report.json)
        print_json(l, e);
    else if (l->is_names)
        print_name(l, e);
    else
        print_text(l, e);
    return ferror(l->S->report.lines);
}

/* Without -r names are shown as in a folder: only what is behind the last '/' asked for. */
static void decide_shown(struct listing *l, char prefix[URL_KEY_MAX + 2])
{
    char *slash = strrchr(prefix, '/');

    if (slash && !l->is_recursive)
        slash[1] = '\0';
    else
        prefix[0] = '\0';
    l->shown_from = prefix;
}

static void list_operand(struct listing *l, const char *text)
{
    const struct report_what what = {"ls", text, NULL};
    char prefix[URL_KEY_MAX + 2];
    struct ps_result result = {0};

    if (!session_parse_s3(l->S, "ls", text, &l->u))
        return;
    memcpy(prefix, l->u.key, sizeof prefix);
    decide_shown(l, prefix);
    l->found = 0;
    enum ps_err e = ps_list(
        l->S->client, l->u.bucket[0] ? l->u.bucket : NULL, l->u.key, l->is_recursive ? NULL : "/",
        on_entry, l, &result);
    if (e)
        session_failed(l->S, "ls", text, &result);
    else if (l->found == 0 && l->u.key[0])
        report_problem(&l->S->report, &what, "there is nothing");
}

int ls_main(int argc, char **argv)
{
    struct listing l = {0};
    const struct args_option options[] = {
        {'r', "recursive", NULL, "all keys, not only those up to the next /",
         .flag = &l.is_recursive},
        {'H', "human", NULL, "sizes as 1.2 GiB", .flag = &l.is_human},
        {0, "names", NULL, "only names, as s3://BUCKET/KEY", .flag = &l.is_names},
    };
    const struct args_spec spec = {
        .usage = "ls [-r] [options] [s3://BUCKET[/PREFIX]]...",
        .about = "Lists buckets, or the objects of one whose keys begin with PREFIX.\n",
        .options = options,
        .option_count = 3,
        .operands_max = INT_MAX,
    };
    struct args a;
    struct session S;

    int status = args_read(&a, &spec, argc, argv);
    if (status != ARGS_GO)
        return status;
    l.S = &S;
    if (session_open(&S, &a)) {
        for (int i = 0; i < a.count; i++)
            list_operand(&l, a.operands[i]);
        if (a.count == 0)
            list_operand(&l, "s3://");
    }
    return session_close(&S);
}
