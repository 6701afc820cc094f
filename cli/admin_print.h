/* Answers of the admin API for people: docs/wire/admin.md. */
#ifndef PENSTOCK_CLI_ADMIN_PRINT_H
#define PENSTOCK_CLI_ADMIN_PRINT_H

#include <jansson.h>

#include "cli/report.h"

/* The list in an answer ("users", ...), or NULL when it has none. */
json_t *admin_print_list(const json_t *answer);
/* One line: an element of a list. */
void admin_print_line(struct report *r, const json_t *item);
/* Everything in an answer; a secret key that was made with a word about it. */
void admin_print_answer(struct report *r, const json_t *answer);

#endif
