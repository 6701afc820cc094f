#include "cli/doctor.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#include "cli/args.h"
#include "cli/cli.h"
#include "cli/jsonline.h"

static const char *const states[] = {
    [DOCTOR_OK] = "ok", [DOCTOR_WARN] = "warn", [DOCTOR_OFF] = "off"};

void doctor_say(
    struct doctor *d, const char *check, enum doctor_state state, const char *todo, const char *fmt,
    ...)
{
    char text[512];
    struct jsonline j;
    va_list list;

    va_start(list, fmt);
    (void)vsnprintf(text, sizeof text, fmt, list);
    va_end(list);
    if (!d->json) {
        printf("%-5s %-12s %s\n", states[state], check, text);
        if (todo)
            printf("%-18s -> %s\n", "", todo);
        return;
    }
    jsonline_open(&j, stdout);
    jsonline_text(&j, "check", check);
    jsonline_text(&j, "state", states[state]);
    jsonline_text(&j, "text", text);
    if (todo)
        jsonline_text(&j, "todo", todo);
    jsonline_close(&j);
}

int doctor_main(int argc, char **argv)
{
    const struct args_spec spec = {
        .usage = "doctor [options] [DIR]...",
        .about =
            "Says what this host can do for Penstock and what stops it: ok, warn (works, but\n"
            "less well than it could) or off, and what to do. With DIR also what that folder\n"
            "is like as a home for a store; with an endpoint whether that server answers, how\n"
            "far the clocks are apart and which direct way there is. Fails when a DIR or the\n"
            "endpoint cannot be used.\n",
        .operands_max = INT_MAX,
    };
    struct doctor d = {0};
    struct args a;

    int status = args_read(&a, &spec, argc, argv);
    if (status != ARGS_GO)
        return status;
    d.json = a.json;
    doctor_kernel(&d);
    doctor_memory(&d);
    doctor_cpu(&d);
    doctor_devices(&d);
    for (int i = 0; i < a.count; i++)
        doctor_drive(&d, a.operands[i]);
    doctor_endpoint(&d, &a.connect);
    return d.failures ? CLI_FAILED : CLI_DONE;
}
