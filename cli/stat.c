#include <limits.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/jsonline.h"
#include "cli/session.h"

struct shown {
    char mtime[32], crc64[16];
};

static void show(const struct ps_stat *s, struct shown *to)
{
    struct buf mtime = buf_over(to->mtime, sizeof to->mtime - 1);
    struct buf crc64 = buf_over(to->crc64, sizeof to->crc64 - 1);
    uint8_t bytes[8];

    memset(to, 0, sizeof *to);
    text_put_iso_date(&mtime, s->mtime_ms);
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(s->crc64 >> (56 - 8 * i));
    text_put_base64(&crc64, view_of(bytes, sizeof bytes));
}

static void print_json(FILE *to, const char *name, const struct ps_stat *s)
{
    struct shown shown;
    struct jsonline j;

    show(s, &shown);
    jsonline_open(&j, to);
    jsonline_text(&j, "name", name);
    jsonline_number(&j, "bytes", s->bytes);
    jsonline_text(&j, "etag", s->etag);
    jsonline_text(&j, "content_type", s->content_type);
    jsonline_text(&j, "mtime", shown.mtime);
    if (s->has_crc64)
        jsonline_text(&j, "crc64nvme", shown.crc64);
    jsonline_close(&j);
}

static void print_text(struct report *r, const char *name, const struct ps_stat *s)
{
    struct shown shown;
    char size[24];

    show(s, &shown);
    progress_size(size, sizeof size, s->bytes);
    report_name(r, name);
    (void)fprintf(
        r->lines, "\n  size      %llu (%s)\n  etag      %s\n  type      %s\n  modified  %s\n",
        (unsigned long long)s->bytes, size, s->etag, s->content_type, shown.mtime);
    (void)fprintf(
        r->lines, "  checksum  %s%s\n", s->has_crc64 ? "CRC64NVME " : "none known",
        s->has_crc64 ? shown.crc64 : "");
}

static void stat_operand(struct session *S, const char *text)
{
    const struct report_what what = {"stat", text, NULL};
    struct ps_result result = {0};
    struct ps_stat stat = {0};
    struct url u;

    if (!session_parse_s3(S, "stat", text, &u))
        return;
    if (!u.key[0])
        report_problem(&S->report, &what, "the key is missing");
    else if (ps_head(S->client, u.bucket, u.key, &stat, &result) != PS_OK)
        session_failed(S, "stat", text, &result);
    else if (S->report.json)
        print_json(S->report.lines, text, &stat);
    else
        print_text(&S->report, text, &stat);
}

int stat_main(int argc, char **argv)
{
    const struct args_spec spec = {
        .usage = "stat [options] s3://BUCKET/KEY...",
        .about = "Shows size, etag, type, time and checksum of objects.\n",
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
            stat_operand(&S, a.operands[i]);
    return session_close(&S);
}
