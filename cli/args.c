#include "cli/args.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "cli/cli.h"

/* What the options common to all commands write to. */
struct common {
    const char *direct;
    bool insecure, verify, help;
};

struct table {
    struct args_option options[ARGS_OPTIONS_MAX];
    unsigned count;
};

static void table_add(struct table *t, const struct args_option *options, size_t count)
{
    for (size_t i = 0; i < count && t->count < ARGS_OPTIONS_MAX; i++)
        t->options[t->count++] = options[i];
}

static void
table_fill(struct table *t, struct args *a, struct common *common, const struct args_spec *spec)
{
    const struct args_option always[] = {
        {0, "json", NULL, "one JSON object a line", .flag = &a->json},
        {'h', "help", NULL, "this text", .flag = &common->help},
    };
    const struct args_option client[] = {
        {'q', "quiet", NULL, "no line per object, no progress bar", .flag = &a->quiet},
        {0, "endpoint", "URL", "the server [$AWS_ENDPOINT_URL_S3, $AWS_ENDPOINT_URL]",
         .text = &a->connect.endpoint},
        {0, "profile", "NAME", "section of ~/.aws/credentials and config [$AWS_PROFILE]",
         .text = &a->connect.profile},
        {0, "region", "NAME", "[$AWS_REGION, us-east-1]", .text = &a->connect.region},
        {0, "ca", "FILE", "PEM certificates to trust [$AWS_CA_BUNDLE]",
         .text = &a->connect.ca_file},
        {0, "insecure", NULL, "do not check the server's certificate", .flag = &common->insecure},
        {0, "direct", "MODE",
         "prefer, require or off: bytes past HTTP [$PENSTOCK_CLIENT_DIRECT, prefer]",
         .text = &common->direct},
        {0, "verify", NULL, "check the checksum of direct transfers here, too",
         .flag = &common->verify},
    };
    table_add(t, spec->options, spec->option_count);
    table_add(t, always, ARRAY_COUNT(always));
    if (!spec->is_offline)
        table_add(t, client, ARRAY_COUNT(client));
}

static void print_help(const struct table *t, const struct args_spec *spec)
{
    printf("usage: penstock %s\n\n%s\n", spec->usage, spec->about);
    for (unsigned i = 0; i < t->count; i++) {
        const struct args_option *o = &t->options[i];
        char left[64], letter[8] = "    ";
        if (o->letter)
            (void)snprintf(letter, sizeof letter, "-%c, ", o->letter);
        (void)snprintf(
            left, sizeof left, "%s--%s %s", letter, o->name, o->argument ? o->argument : "");
        printf("  %-26s %s\n", left, o->help);
    }
}

int args_complain(const struct args_spec *spec, const char *fmt, ...)
{
    int name_len = (int)strcspn(spec->usage, " ");
    va_list list;

    (void)fprintf(stderr, "penstock %.*s: ", name_len, spec->usage);
    va_start(list, fmt);
    (void)vfprintf(stderr, fmt, list);
    va_end(list);
    (void)fprintf(stderr, "\nusage: penstock %s\n", spec->usage);
    return CLI_USAGE;
}

static bool set_direct(struct args *a, const char *mode)
{
    static const char *const names[] = {
        [PS_DIRECT_PREFER] = "prefer", [PS_DIRECT_REQUIRE] = "require", [PS_DIRECT_OFF] = "off"};

    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (strcmp(mode, names[i]) == 0) {
            a->connect.direct = (enum ps_direct)i;
            /* The zero value means "as the variable says": what was asked for here wins. */
            return setenv("PENSTOCK_CLIENT_DIRECT", names[i], 1) == 0;
        }
    }
    return false;
}

static void take_option(const struct args_option *o, const char *value)
{
    if (o->text)
        *o->text = value;
    else
        *o->flag = true;
}

/* getopt wants a string of letters and an array of names; values are indices into the table. */
static bool take_options(const struct table *t, int argc, char **argv)
{
    enum { FIRST = 256 };
    struct option names[ARGS_OPTIONS_MAX + 1] = {0};
    char letters[ARGS_OPTIONS_MAX * 2 + 1] = {0};
    size_t letters_len = 0;
    int c;

    for (unsigned i = 0; i < t->count; i++) {
        const struct args_option *o = &t->options[i];
        names[i] = (struct option){
            o->name, o->text ? required_argument : no_argument, NULL, FIRST + (int)i};
        if (o->letter)
            letters[letters_len++] = o->letter;
        if (o->letter && o->text)
            letters[letters_len++] = ':';
    }
    optind = 0; /* the whole state anew: tests and main parse more than once */
    while ((c = getopt_long(argc, argv, letters, names, NULL)) != -1) {
        unsigned i = 0;
        if (c == '?' || c == ':')
            return false;
        while (c < FIRST && i < t->count && t->options[i].letter != c)
            i++;
        take_option(&t->options[c < FIRST ? i : (unsigned)(c - FIRST)], optarg);
    }
    return true;
}

int args_read(struct args *a, const struct args_spec *spec, int argc, char **argv)
{
    struct common common = {0};
    struct table table = {0};

    *a = (struct args){0};
    table_fill(&table, a, &common, spec);
    if (!take_options(&table, argc, argv)) {
        (void)fprintf(stderr, "usage: penstock %s\n", spec->usage);
        return CLI_USAGE;
    }
    if (common.help) {
        print_help(&table, spec);
        return CLI_DONE;
    }
    a->operands = argv + optind;
    a->count = argc - optind;
    a->connect.insecure = common.insecure;
    a->connect.verify = common.verify;
    if (common.direct && !set_direct(a, common.direct))
        return args_complain(spec, "--direct is prefer, require or off, not '%s'", common.direct);
    if (a->count < spec->operands_min)
        return args_complain(spec, "an operand is missing");
    if (a->count > spec->operands_max)
        return args_complain(spec, "too many operands: '%s'", a->operands[spec->operands_max]);
    return ARGS_GO;
}
