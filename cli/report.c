#include "cli/report.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/jsonline.h"

void report_start(struct report *r, bool json, bool quiet)
{
    *r = (struct report){.json = json, .quiet = quiet, .lines = stdout};
    r->is_terminal = isatty(STDOUT_FILENO);
    progress_start(&r->progress, !quiet);
}

void report_end(struct report *r)
{
    progress_clear(&r->progress);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        (void)fputs("penstock: standard output: cannot write\n", stderr);
        r->failures++;
    }
}

void report_to_stderr(struct report *r)
{
    r->lines = stderr;
    r->is_terminal = isatty(STDERR_FILENO);
}

static void put_name(FILE *to, bool is_terminal, const char *name)
{
    for (; *name; name++) {
        unsigned char c = (unsigned char)*name;
        (void)fputc(is_terminal && (c < 0x20 || c == 0x7f) ? '?' : c, to);
    }
}

void report_name(struct report *r, const char *name)
{
    put_name(r->lines, r->is_terminal, name);
}

static void json_what(struct jsonline *j, const struct report *r, const struct report_what *what)
{
    jsonline_open(j, r->lines);
    jsonline_text(j, "op", what->verb);
    jsonline_text(j, "name", what->from);
    if (what->to)
        jsonline_text(j, "to", what->to);
}

static void json_result(struct jsonline *j, const struct ps_result *result)
{
    if (result->etag[0])
        jsonline_text(j, "etag", result->etag);
    if (result->code[0])
        jsonline_text(j, "code", result->code);
    if (result->status)
        jsonline_number(j, "status", result->status);
    if (result->request_id[0])
        jsonline_text(j, "request_id", result->request_id);
}

static void json_crc64(struct jsonline *j, uint64_t crc64)
{
    uint8_t bytes[8];
    char text[16] = {0};
    struct buf b = buf_over(text, sizeof text - 1);

    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(crc64 >> (56 - 8 * i));
    text_put_base64(&b, view_of(bytes, sizeof bytes));
    jsonline_text(j, "crc64nvme", text);
}

static void put_what(struct report *r, const struct report_what *what)
{
    (void)fprintf(r->lines, "%s ", what->verb);
    report_name(r, what->from);
    if (!what->to)
        return;
    (void)fputs(" -> ", r->lines);
    report_name(r, what->to);
}

void report_transfer(
    struct report *r, const struct report_what *what, const struct ps_result *result,
    double seconds)
{
    struct jsonline j;

    progress_clear(&r->progress);
    if (r->json) {
        json_what(&j, r, what);
        jsonline_number(&j, "bytes", result->bytes);
        jsonline_text(&j, "way", ps_way_name(result->way));
        jsonline_real(&j, "seconds", seconds);
        if (result->has_crc64)
            json_crc64(&j, result->crc64);
        json_result(&j, result);
        jsonline_close(&j);
    } else if (!r->quiet) {
        put_what(r, what);
        (void)fprintf(
            r->lines, "  %llu bytes  way %s  %.3f s\n", (unsigned long long)result->bytes,
            ps_way_name(result->way), seconds);
        (void)fflush(r->lines);
    }
}

void report_done(struct report *r, const struct report_what *what)
{
    struct jsonline j;

    progress_clear(&r->progress);
    if (r->json) {
        json_what(&j, r, what);
        jsonline_close(&j);
    } else if (!r->quiet) {
        put_what(r, what);
        (void)fputc('\n', r->lines);
    }
}

/* What the answer said; an answer without a body (to HEAD) has said a status only. */
static const char *text_of(const struct ps_result *result)
{
    bool has_said = result->code[0] || (result->message[0] && !result->status);

    return has_said && result->message[0] ? result->message : ps_err_text(result->err);
}

void report_cause(char *to, size_t cap, const struct ps_result *result)
{
    struct buf b = buf_over(to, cap - 1);

    if (result->code[0])
        buf_printf(&b, "%s: ", result->code);
    buf_put_str(&b, text_of(result));
    if (result->status)
        buf_printf(&b, " (HTTP %u", result->status);
    if (result->request_id[0])
        buf_printf(&b, "%srequest %s", result->status ? ", " : " (", result->request_id);
    if (result->status || result->request_id[0])
        buf_put_byte(&b, ')');
    to[b.len] = '\0';
}

/* On stderr for people; with --json on the lines as well, where programs look. */
static void complain(
    struct report *r, const struct report_what *what, const char *cause, const char *error,
    const struct ps_result *result)
{
    struct jsonline j;

    r->failures++;
    progress_clear(&r->progress);
    (void)fflush(r->lines);
    (void)fprintf(stderr, "penstock: %s ", what->verb);
    put_name(stderr, isatty(STDERR_FILENO), what->from);
    (void)fprintf(stderr, ": %s\n", cause);
    if (!r->json)
        return;
    json_what(&j, r, what);
    jsonline_text(&j, "error", error);
    if (result)
        json_result(&j, result);
    jsonline_close(&j);
}

void report_failure(
    struct report *r, const struct report_what *what, const struct ps_result *result)
{
    char cause[400];

    report_cause(cause, sizeof cause, result);
    complain(r, what, cause, text_of(result), result);
}

void report_problem(struct report *r, const struct report_what *what, const char *cause)
{
    complain(r, what, cause, cause, NULL);
}
