#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static const char *const names[ERR_COUNT] = {
#define ERR_NAME(name, text) #name,
    ERR_LIST(ERR_NAME)
#undef ERR_NAME
};

static const char *const texts[ERR_COUNT] = {
#define ERR_TEXT(name, text) text,
    ERR_LIST(ERR_TEXT)
#undef ERR_TEXT
};

const char *err_name(enum err e)
{
    return (unsigned)e < ERR_COUNT ? names[e] : "?";
}

const char *err_text(enum err e)
{
    return (unsigned)e < ERR_COUNT ? texts[e] : "?";
}

enum err err_from_errno(int sys)
{
    switch (sys) {
    case ENOMEM:
        return ERR_NO_MEMORY;
    case EIO:
        return ERR_IO;
    case ENOSPC:
    case EDQUOT:
        return ERR_NO_SPACE;
    case ETIMEDOUT:
        return ERR_TIMEOUT;
    case ECANCELED:
        return ERR_CANCELLED;
    case EPIPE:
    case ECONNRESET:
    case ECONNABORTED:
    case ENOTCONN:
        return ERR_CLOSED;
    case ENOENT:
        return ERR_NOT_FOUND;
    case EEXIST:
        return ERR_EXISTS;
    case EACCES:
    case EPERM:
        return ERR_DENIED;
    case EINVAL:
        return ERR_INVALID;
    case EMFILE:
    case ENFILE:
    case EAGAIN:
        return ERR_BUSY;
    case ENOSYS:
    case EOPNOTSUPP:
        return ERR_UNSUPPORTED;
    default:
        return ERR_SYSTEM;
    }
}

void failure_set(struct failure *f, enum err e, int sys, const char *where, const char *fmt, ...)
{
    if (f->err)
        return;
    va_list args;
    va_start(args, fmt);
    f->err = e;
    f->sys = sys;
    f->where = where;
    (void)vsnprintf(f->text, sizeof f->text, fmt, args);
    va_end(args);
}
