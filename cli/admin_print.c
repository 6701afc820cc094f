#include "cli/admin_print.h"

#include <string.h>

#include "base/bytes.h"

json_t *admin_print_list(const json_t *answer)
{
    static const char *const lists[] = {"users", "keys", "groups", "policies"};

    for (size_t i = 0; i < ARRAY_COUNT(lists); i++) {
        json_t *list = json_object_get(answer, lists[i]);
        if (json_is_array(list))
            return list;
    }
    return NULL;
}

/* A value in one piece of a line. */
static void print_value(struct report *r, const json_t *v)
{
    size_t i;
    json_t *item;

    if (json_is_string(v)) {
        report_name(r, json_string_value(v));
    } else if (json_is_boolean(v)) {
        (void)fputs(json_is_true(v) ? "yes" : "no", r->lines);
    } else if (json_is_array(v)) {
        json_array_foreach(v, i, item)
        {
            if (i > 0)
                (void)fputs(", ", r->lines);
            print_value(r, json_is_object(item) ? json_object_get(item, "access_key") : item);
        }
    }
}

static bool is_blank(const json_t *v)
{
    return (json_is_string(v) && json_string_length(v) == 0) ||
           (json_is_array(v) && json_array_size(v) == 0);
}

void admin_print_line(struct report *r, const json_t *item)
{
    static const char *const shown[] = {"id", "email", "policies", "created"};
    const json_t *name = json_object_get(item, "name");

    print_value(r, name ? name : json_object_get(item, "access_key"));
    for (size_t i = 0; i < ARRAY_COUNT(shown); i++) {
        const json_t *v = json_object_get(item, shown[i]);
        if (!v || is_blank(v))
            continue;
        (void)fputs("  ", r->lines);
        print_value(r, v);
    }
    if (json_is_false(json_object_get(item, "enabled")))
        (void)fputs("  disabled", r->lines);
    if (json_is_true(json_object_get(item, "builtin")))
        (void)fputs("  built in", r->lines);
    (void)fputc('\n', r->lines);
}

static void print_members(struct report *r, const json_t *object)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        char label[24];
        if (is_blank(value))
            continue;
        (void)snprintf(label, sizeof label, "%s", name);
        for (char *at = label; *at; at++)
            if (*at == '_')
                *at = ' ';
        (void)fprintf(r->lines, "  %-14s", label);
        print_value(r, value);
        (void)fputc('\n', r->lines);
    }
}

void admin_print_answer(struct report *r, const json_t *answer)
{
    const json_t *policy = json_object_get(json_object_get(answer, "policy"), "policy");
    const json_t *key = json_object_get(answer, "key");
    const char *name;
    json_t *value;

    if (policy) { /* to be edited and given back */
        (void)fprintf(r->lines, "%s\n", json_string_value(policy));
        return;
    }
    json_object_foreach((json_t *)(uintptr_t)answer, name, value)
    {
        if (!json_is_object(value))
            continue;
        (void)fprintf(r->lines, "%s\n", name);
        print_members(r, value);
    }
    if (json_object_get(key, "secret_key"))
        (void)fputs("The secret key is not shown again.\n", r->lines);
}
