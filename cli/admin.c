/*
 * `penstock admin NOUN VERB ...`: users, keys, groups and policies by the admin API. A table says
 * for each verb which call it is, what its operands are and which options it takes.
 */
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cli/admin_print.h"
#include "cli/cli.h"
#include "cli/session.h"

enum { POLICY_FILE_BYTES_MAX = 60000, SECRET_LINE_MAX = 200 };

struct verb {
    const char *noun, *name, *call;
    const char *operands; /* members of the request that they become; "policy_file" is read */
    const char *options;  /* those it takes, by name */
};

static const struct verb verbs[] = {
    {"user", "add", "users/add", "",
     "name id email access-key secret-key policy group enable disable"},
    {"user", "list", "users/list", "", ""},
    {"user", "show", "users/show", "name", ""},
    {"user", "set", "users/set", "name", "new-name email enable disable"},
    {"user", "remove", "users/remove", "name", ""},
    {"key", "add", "keys/add", "user", "access-key secret-key"},
    {"key", "list", "keys/list", "user", ""},
    {"key", "set", "keys/set", "access_key", "enable disable"},
    {"key", "remove", "keys/remove", "access_key", ""},
    {"group", "add", "groups/add", "name", ""},
    {"group", "list", "groups/list", "", ""},
    {"group", "show", "groups/show", "name", ""},
    {"group", "remove", "groups/remove", "name", ""},
    {"group", "join", "groups/join", "group user", ""},
    {"group", "leave", "groups/leave", "group user", ""},
    {"policy", "add", "policies/add", "name policy_file", "replace"},
    {"policy", "list", "policies/list", "", ""},
    {"policy", "show", "policies/show", "name", ""},
    {"policy", "remove", "policies/remove", "name", ""},
    {"policy", "attach", "policies/attach", "policy", "user group"},
    {"policy", "detach", "policies/detach", "policy", "user group"},
};

struct options {
    const char *id, *name, *new_name, *email, *access_key, *secret_key, *policy, *group, *user;
    bool enable, disable, replace;
};

static const char about[] =
    "Users, their keys, groups and policies of a server, with root's credentials or those of a\n"
    "user whose policies allow it.\n\n"
    "  user add --name NAME [--id ID] [--email MAIL] [--access-key AK --secret-key SK]\n"
    "           [--policy NAME,...] [--group NAME,...] [--disable]\n"
    "  user list | show NAME | remove NAME\n"
    "  user set NAME [--new-name NAME] [--email MAIL] [--enable | --disable]\n"
    "  key add USER [--access-key AK --secret-key SK]\n"
    "  key list USER | set AK --enable | set AK --disable | remove AK\n"
    "  group add NAME | list | show NAME | remove NAME | join GROUP USER | leave GROUP USER\n"
    "  policy add NAME FILE [--replace] | list | show NAME | remove NAME\n"
    "  policy attach NAME --user NAME | --group NAME, detach likewise\n\n"
    "With --id the user is an account of its own: it owns what it makes. Without, it is one of\n"
    "root's people and may do what its policies say. Keys that are not given are made; a secret\n"
    "key that was made is shown once. --secret-key - and FILE - read standard input.\n";

static bool is_listed(const char *list, const char *name)
{
    struct view rest = view_str(list), part;

    while (view_split(&rest, ' ', &part))
        if (view_is(part, name))
            return true;
    return false;
}

static const struct verb *find_verb(const struct args *a)
{
    for (size_t i = 0; a->count > 1 && i < ARRAY_COUNT(verbs); i++)
        if (strcmp(a->operands[0], verbs[i].noun) == 0 &&
            strcmp(a->operands[1], verbs[i].name) == 0)
            return &verbs[i];
    return NULL;
}

/* "verbs: add list ...", of a noun; also what completion in shells asks for. */
static int complain_verb(const struct args_spec *spec, const struct args *a)
{
    int status = a->count < 2
                     ? args_complain(spec, "the verb is missing")
                     : args_complain(spec, "no such call: %s %s", a->operands[0], a->operands[1]);

    (void)fputs("verbs:", stderr);
    for (size_t i = 0; i < ARRAY_COUNT(verbs); i++)
        if (strcmp(a->operands[0], verbs[i].noun) == 0)
            (void)fprintf(stderr, " %s", verbs[i].name);
    (void)fputc('\n', stderr);
    return status;
}

/* NULL, or what is wrong with an option. */
static const char *misused(const struct verb *v, const struct options *o)
{
    const struct {
        const char *name;
        bool is_given;
    } given[] = {
        {"id", o->id},
        {"name", o->name},
        {"new-name", o->new_name},
        {"email", o->email},
        {"access-key", o->access_key},
        {"secret-key", o->secret_key},
        {"policy", o->policy},
        {"group", o->group},
        {"user", o->user},
        {"enable", o->enable},
        {"disable", o->disable},
        {"replace", o->replace},
    };

    for (size_t i = 0; i < ARRAY_COUNT(given); i++)
        if (given[i].is_given && !is_listed(v->options, given[i].name))
            return given[i].name;
    return NULL;
}

/* All of a file, or of standard input; malloc'ed, NULL after errno. */
static char *read_all(const char *path, size_t bytes_max)
{
    FILE *from = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char *text = from ? calloc(1, bytes_max + 1) : NULL;

    if (text)
        (void)fread(text, 1, bytes_max, from);
    if (from && from != stdin)
        (void)fclose(from);
    return text;
}

static void set_text(json_t *to, const char *member, const char *value)
{
    if (value)
        (void)json_object_set_new(to, member, json_string(value));
}

/* "a,b" as a list. */
static void set_list(json_t *to, const char *member, const char *value)
{
    struct view rest = view_str(value), part;
    json_t *list = json_array();

    while (value && view_split(&rest, ',', &part))
        (void)json_array_append_new(list, json_stringn((const char *)part.at, part.len));
    (void)json_object_set_new(to, member, list);
}

static void set_secret(json_t *to, const char *value)
{
    if (!value || strcmp(value, "-") != 0) {
        set_text(to, "secret_key", value);
        return;
    }
    char *line = read_all("-", SECRET_LINE_MAX);
    if (line)
        line[strcspn(line, "\r\n")] = 0;
    set_text(to, "secret_key", line);
    free(line);
}

static void set_options(json_t *to, const struct verb *v, const struct options *o)
{
    bool makes_user = strcmp(v->call, "users/add") == 0;

    set_text(to, "id", o->id);
    set_text(to, "name", o->name);
    set_text(to, "new_name", o->new_name);
    set_text(to, "email", o->email);
    set_text(to, "access_key", o->access_key);
    set_secret(to, o->secret_key);
    set_text(to, "user", o->user);
    if (o->policy)
        set_list(to, "policies", o->policy);
    if (o->group && makes_user)
        set_list(to, "groups", o->group);
    else
        set_text(to, "group", o->group);
    if (o->enable || o->disable)
        (void)json_object_set_new(to, "enabled", json_boolean(o->enable));
    if (o->replace)
        (void)json_object_set_new(to, "replace", json_true());
}

/* The operands behind noun and verb; false when there are not as many as it takes, or no file. */
static bool set_operands(json_t *to, const struct verb *v, const struct args *a)
{
    struct view rest = view_str(v->operands), part;
    int index = 2;

    while (view_split(&rest, ' ', &part)) {
        char member[32] = {0};
        if (index >= a->count)
            return false;
        memcpy(member, part.at, part.len);
        if (strcmp(member, "policy_file") != 0) {
            set_text(to, member, a->operands[index++]);
            continue;
        }
        char *text = read_all(a->operands[index], POLICY_FILE_BYTES_MAX);
        if (!text) {
            perror(a->operands[index]);
            return false;
        }
        set_text(to, "policy", text);
        free(text);
        index++;
    }
    return index == a->count;
}

/* The sentence of an error answer takes the place of what the client library knows. */
static void fail(
    struct session *S, const struct report_what *what, const char *text, size_t bytes,
    struct ps_result *result)
{
    json_t *j = text ? json_loadb(text, bytes, 0, NULL) : NULL;
    const char *code = json_string_value(json_object_get(j, "code"));
    const char *message = json_string_value(json_object_get(j, "message"));

    if (code)
        (void)snprintf(result->code, sizeof result->code, "%s", code);
    if (message)
        (void)snprintf(result->message, sizeof result->message, "%s", message);
    json_decref(j);
    if (result->code[0] || result->message[0])
        report_failure(&S->report, what, result);
    else
        report_problem(&S->report, what, ps_client_error());
}

/* The answer, or NULL after a complaint. */
static json_t *call(struct session *S, const struct verb *v, const json_t *request)
{
    const char *const headers[] = {"content-type: application/json", NULL};
    const struct report_what what = {v->noun, v->name, NULL};
    struct ps_result result = {0};
    char key[64], *text = NULL, *body = json_dumps(request, JSON_COMPACT);
    size_t bytes = 0;
    json_t *answer = NULL;

    (void)snprintf(key, sizeof key, "admin/v1/%s", v->call);
    enum ps_err e = ps_request(
        S->client, "POST", "-", key, "", headers, body, body ? strlen(body) : 0, &text, &bytes,
        &result);
    if (e)
        fail(S, &what, text, bytes, &result);
    else if (!(answer = json_loadb(text ? text : "", bytes, 0, NULL)))
        report_problem(&S->report, &what, "the server's answer is no JSON");
    free(body);
    free(text);
    return answer;
}

static void print_json(const struct session *S, const json_t *j)
{
    (void)json_dumpf(j, S->report.lines, JSON_COMPACT);
    (void)fputc('\n', S->report.lines);
}

static void print(struct session *S, const struct verb *v, const json_t *answer)
{
    const json_t *list = admin_print_list(answer);
    const struct report_what what = {v->noun, v->name, NULL};
    size_t i;
    json_t *item;

    json_array_foreach(list, i, item)
    {
        if (S->report.json)
            print_json(S, item);
        else
            admin_print_line(&S->report, item);
    }
    if (list)
        return;
    if (S->report.json)
        print_json(S, answer);
    else if (json_object_size(answer) == 0)
        report_done(&S->report, &what);
    else
        admin_print_answer(&S->report, answer);
}

/* Listings come in pages; the last name of one is where the next begins. */
static void run(struct session *S, const struct verb *v, json_t *request)
{
    bool has_more = true;

    while (has_more) {
        json_t *answer = call(S, v, request);
        if (!answer)
            return;
        print(S, v, answer);
        const json_t *list = admin_print_list(answer);
        const json_t *last = json_array_get(list, json_array_size(list) - 1);
        has_more = last && json_is_true(json_object_get(answer, "is_truncated"));
        set_text(request, "after", json_string_value(json_object_get(last, "name")));
        json_decref(answer);
    }
}

static int
admin(const struct args_spec *spec, struct args *a, const struct options *o, const struct verb *v)
{
    const char *wrong = misused(v, o);
    struct session S;

    if (wrong)
        return args_complain(spec, "%s %s takes no --%s", v->noun, v->name, wrong);
    if (o->enable && o->disable)
        return args_complain(spec, "--enable and --disable at once");
    json_t *request = json_object();
    set_options(request, v, o);
    if (!set_operands(request, v, a)) {
        json_decref(request);
        return args_complain(
            spec, "%s %s takes %s", v->noun, v->name, v->operands[0] ? v->operands : "no operand");
    }
    a->connect.direct = PS_DIRECT_OFF;
    if (session_open(&S, a))
        run(&S, v, request);
    json_decref(request);
    return session_close(&S);
}

int admin_main(int argc, char **argv)
{
    struct options o = {0};
    const struct args_option options[] = {
        {0, "name", "NAME", "of a new user", .text = &o.name},
        {0, "id", "ID", "its canonical id: an account of its own", .text = &o.id},
        {0, "email", "MAIL", "its address", .text = &o.email},
        {0, "new-name", "NAME", "the name it gets", .text = &o.new_name},
        {0, "access-key", "AK", "made when not given", .text = &o.access_key},
        {0, "secret-key", "SK", "made when not given", .text = &o.secret_key},
        {0, "policy", "NAME,...", "policies it gets", .text = &o.policy},
        {0, "group", "NAME,...", "groups it is in; the group meant", .text = &o.group},
        {0, "user", "NAME", "the user meant", .text = &o.user},
        {0, "enable", NULL, "lets it in", .flag = &o.enable},
        {0, "disable", NULL, "keeps it out", .flag = &o.disable},
        {0, "replace", NULL, "a policy that is there already", .flag = &o.replace},
    };
    const struct args_spec spec = {
        .usage = "admin [options] user|key|group|policy VERB ...",
        .about = about,
        .options = options,
        .option_count = ARRAY_COUNT(options),
        .operands_min = 1,
        .operands_max = INT_MAX,
    };
    struct args a;

    int status = args_read(&a, &spec, argc, argv);
    if (status != ARGS_GO)
        return status;
    const struct verb *v = find_verb(&a);
    if (!v)
        return complain_verb(&spec, &a);
    return admin(&spec, &a, &o, v);
}
