#include "cli/jsonline.h"

#include <string.h>

#include "base/text.h"

/* Bytes of the UTF-8 character at `at`, or 0 when there is none. */
static size_t character_bytes(const char *at)
{
    unsigned char c = (unsigned char)at[0];
    size_t bytes = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

    if (strnlen(at, bytes) < bytes || !text_is_utf8(view_of(at, bytes)))
        return 0;
    return bytes;
}

static void put_escaped(FILE *to, const char *at)
{
    while (*at) {
        size_t bytes = character_bytes(at);
        unsigned char c = (unsigned char)*at;
        if (bytes == 0)
            (void)fputs("\\ufffd", to);
        else if (c == '"' || c == '\\')
            (void)fprintf(to, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            (void)fprintf(to, "\\u%04x", c);
        else
            (void)fwrite(at, 1, bytes, to);
        at += bytes ? bytes : 1;
    }
}

static void put_string(FILE *to, const char *at)
{
    (void)fputc('"', to);
    put_escaped(to, at);
    (void)fputc('"', to);
}

static void put_name(struct jsonline *j, const char *name)
{
    (void)fputs(j->has_members ? ", " : "", j->to);
    j->has_members = true;
    put_string(j->to, name);
    (void)fputs(": ", j->to);
}

void jsonline_open(struct jsonline *j, FILE *to)
{
    *j = (struct jsonline){.to = to};
    (void)fputc('{', to);
}

void jsonline_text(struct jsonline *j, const char *name, const char *value)
{
    put_name(j, name);
    put_string(j->to, value);
}

void jsonline_number(struct jsonline *j, const char *name, uint64_t value)
{
    put_name(j, name);
    (void)fprintf(j->to, "%llu", (unsigned long long)value);
}

void jsonline_real(struct jsonline *j, const char *name, double value)
{
    put_name(j, name);
    (void)fprintf(j->to, "%.3f", value);
}

void jsonline_flag(struct jsonline *j, const char *name, bool value)
{
    put_name(j, name);
    (void)fputs(value ? "true" : "false", j->to);
}

void jsonline_close(struct jsonline *j)
{
    (void)fputs("}\n", j->to);
    (void)fflush(j->to);
}
