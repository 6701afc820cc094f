#include "client/client_why.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char why_text[CLIENT_WHY_MAX];

enum ps_err client_why(enum ps_err e, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(why_text, sizeof(why_text), fmt, args);
    va_end(args);
    return e;
}

const char *client_why_text(void)
{
    return why_text;
}
