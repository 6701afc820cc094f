/*
 * One JSON object on one line, written member by member. Text that is not UTF-8 is written with
 * U+FFFD in place of each byte that does not fit.
 */
#ifndef PENSTOCK_CLI_JSONLINE_H
#define PENSTOCK_CLI_JSONLINE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct jsonline {
    FILE *to;
    bool has_members;
};

void jsonline_open(struct jsonline *j, FILE *to);
void jsonline_text(struct jsonline *j, const char *name, const char *value);
void jsonline_number(struct jsonline *j, const char *name, uint64_t value);
void jsonline_real(struct jsonline *j, const char *name, double value); /* 3 decimals */
void jsonline_flag(struct jsonline *j, const char *name, bool value);
void jsonline_close(struct jsonline *j); /* ends the line */

#endif
