/*
 * Why the last call of this thread failed, as a sentence: set where the cause is known, fetched by
 * whoever reports it (ps_client_error, ps_result.message). Never empty after a failure.
 */
#ifndef PENSTOCK_CLIENT_WHY_H
#define PENSTOCK_CLIENT_WHY_H

#include "penstock/penstock.h"

enum { CLIENT_WHY_MAX = 256 };

/* Sets the text and returns e, so that a failure is one line. */
__attribute__((format(printf, 2, 3))) enum ps_err client_why(enum ps_err e, const char *fmt, ...);
/* The text, or "". Valid until the next client_why of this thread. */
const char *client_why_text(void);

#endif
