#include "client/client_settings.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "client/client_why.h"

enum { INI_BYTES_MAX = 256 * 1024, CONNECTIONS_MAX = 1024 };

/* The two files of a profile, read once. */
struct sources {
    const struct ps_options *options;
    const char *profile;
    char *credentials, *config; /* whole files; "" when absent */
    char section[160];          /* of the config file: "profile NAME", or "default" */
};

/* --- INI --- */

static bool is_section(struct view line, struct view section)
{
    struct view inside = view_of(line.at + 1, line.len - 2);

    return line.len >= 2 && line.at[line.len - 1] == ']' && view_eq(view_trim(inside), section);
}

struct view client_settings_ini(struct view text, struct view section, struct view name)
{
    struct view line;
    bool is_inside = false;

    while (view_split(&text, '\n', &line)) {
        bool is_nested = line.len > 0 && (line.at[0] == ' ' || line.at[0] == '\t');

        if (line.len > 0 && line.at[line.len - 1] == '\r')
            line.len--;
        line = view_trim(line);
        if (line.len == 0 || line.at[0] == '#' || line.at[0] == ';' || is_nested)
            continue;
        if (line.at[0] == '[') {
            is_inside = is_section(line, section);
            continue;
        }
        size_t equals = view_index(line, '=');
        if (is_inside && equals != SIZE_MAX &&
            view_eq_nocase(view_trim(view_upto(line, equals)), name))
            return view_trim(view_from(line, equals + 1));
    }
    return VIEW_EMPTY;
}

/* --- files --- */

static char *read_whole(const char *path)
{
    char *text = calloc(1, INI_BYTES_MAX + 1);
    size_t len = 0;
    ssize_t got = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    while (text && fd >= 0 && got > 0 && len < INI_BYTES_MAX) {
        got = read(fd, text + len, INI_BYTES_MAX - len);
        len += got > 0 ? (size_t)got : 0;
    }
    if (fd >= 0)
        close(fd);
    return text;
}

static char *read_aws_file(const char *variable, const char *name)
{
    const char *path = getenv(variable), *home = getenv("HOME");
    char in_home[512];

    if (!path || !*path) {
        snprintf(in_home, sizeof(in_home), "%s/.aws/%s", home ? home : "", name);
        path = in_home;
    }
    return read_whole(path);
}

static const char *from_env(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

static void sources_init(struct sources *from, const struct ps_options *options)
{
    const char *profile = options->profile;

    if (!profile)
        profile = from_env("AWS_PROFILE");
    if (!profile)
        profile = "default";
    from->options = options;
    from->profile = profile;
    from->credentials = read_aws_file("AWS_SHARED_CREDENTIALS_FILE", "credentials");
    from->config = read_aws_file("AWS_CONFIG_FILE", "config");
    bool is_default = strcmp(profile, "default") == 0;
    snprintf(from->section, sizeof(from->section), "%s%s", is_default ? "" : "profile ", profile);
}

static void sources_done(struct sources *from)
{
    free(from->credentials);
    free(from->config);
}

static struct view from_files(const struct sources *from, const char *name)
{
    struct view v =
        client_settings_ini(view_str(from->credentials), view_str(from->profile), view_str(name));

    if (v.len > 0)
        return v;
    return client_settings_ini(view_str(from->config), view_str(from->section), view_str(name));
}

/* --- values --- */

static enum ps_err put(char *to, size_t cap, struct view v, const char *what)
{
    if (v.len >= cap)
        return client_why(PS_ERR_INVALID, "%s is longer than %zu bytes", what, cap - 1);
    if (v.len > 0)
        memcpy(to, v.at, v.len);
    to[v.len] = '\0';
    return PS_OK;
}

#define PUT(member, v, what) put(s->member, sizeof(s->member), v, what)

/* The first that is given: option, two variables, the files, a default. */
static struct view pick(
    const struct sources *from, const char *option, const char *env, const char *env2,
    const char *name)
{
    if (option)
        return view_str(option);
    if (env && from_env(env))
        return view_str(from_env(env));
    if (env2 && from_env(env2))
        return view_str(from_env(env2));
    return name ? from_files(from, name) : VIEW_EMPTY;
}

/* All of a set from one place: the parts of two key pairs do not fit together. */
static enum ps_err take_keys(struct client_settings *s, const struct sources *from)
{
    const struct ps_options *o = from->options;
    struct view key, secret, token;
    enum ps_err e;

    if (o->access_key) {
        key = view_str(o->access_key);
        secret = view_str(o->secret_key);
        token = view_str(o->session_token);
    } else if (!o->profile && from_env("AWS_ACCESS_KEY_ID")) {
        key = view_str(from_env("AWS_ACCESS_KEY_ID"));
        secret = view_str(from_env("AWS_SECRET_ACCESS_KEY"));
        token = view_str(from_env("AWS_SESSION_TOKEN"));
    } else {
        key = from_files(from, "aws_access_key_id");
        secret = from_files(from, "aws_secret_access_key");
        token = from_files(from, "aws_session_token");
    }
    if (key.len == 0 || secret.len == 0)
        return client_why(
            PS_ERR_CREDENTIALS,
            "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or profile '%s' in "
            "~/.aws/credentials",
            from->profile);
    e = PUT(access_key, key, "the access key");
    if (!e)
        e = PUT(secret_key, secret, "the secret key");
    return e ? e : PUT(session_token, token, "the session token");
}

static enum ps_err take_place(struct client_settings *s, const struct sources *from)
{
    const struct ps_options *o = from->options;
    char url[320];
    struct view region = pick(from, o->region, "AWS_REGION", "AWS_DEFAULT_REGION", "region");
    struct view endpoint =
        pick(from, o->endpoint, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "endpoint_url");
    enum ps_err e = PUT(region, region.len ? region : VIEW("us-east-1"), "the region");

    if (e)
        return e;
    e = put(url, sizeof(url), endpoint, "the endpoint");
    if (e)
        return e;
    if (endpoint.len == 0)
        snprintf(url, sizeof(url), "https://s3.%s.amazonaws.com", s->region);
    e = client_settings_endpoint(s, url);
    return e ? e : PUT(ca_file, pick(from, o->ca_file, "AWS_CA_BUNDLE", NULL, "ca_bundle"), "ca");
}

static enum ps_err take_direct(struct client_settings *s, const struct ps_options *o)
{
    static const char *const names[] = {
        [PS_DIRECT_PREFER] = "prefer", [PS_DIRECT_REQUIRE] = "require", [PS_DIRECT_OFF] = "off"};
    const char *text = from_env("PENSTOCK_CLIENT_DIRECT");

    s->direct = o->direct;
    if ((unsigned)o->direct >= ARRAY_COUNT(names))
        return client_why(PS_ERR_INVALID, "options.direct is none of enum ps_direct");
    if (o->direct != PS_DIRECT_PREFER || !text)
        return PS_OK;
    for (unsigned i = 0; i < ARRAY_COUNT(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            s->direct = (enum ps_direct)i;
            return PS_OK;
        }
    }
    return client_why(
        PS_ERR_INVALID, "PENSTOCK_CLIENT_DIRECT is '%s': prefer, require or off", text);
}

static void take_limits(struct client_settings *s, const struct ps_options *o)
{
    s->is_insecure = o->insecure != 0;
    s->connections = o->connections ? MIN(o->connections, (unsigned)CONNECTIONS_MAX) : 16;
    s->part_bytes_tcp = o->part_bytes ? o->part_bytes : 16 * MIB;
    s->part_bytes_direct = o->part_bytes ? o->part_bytes : 64 * MIB;
    s->multipart_from_bytes = o->multipart_from_bytes ? o->multipart_from_bytes : 64 * MIB;
    s->retries = o->retries ? o->retries : 3;
    s->timeout_ms = o->timeout_ms ? o->timeout_ms : 30000;
    s->verifies = o->verify != 0;
}

enum ps_err client_settings_endpoint(struct client_settings *s, const char *url)
{
    struct view v = view_str(url), host;
    bool is_tls = view_starts_nocase(v, VIEW("https://"));

    if (!is_tls && !view_starts_nocase(v, VIEW("http://")))
        return client_why(PS_ERR_INVALID, "endpoint '%s': not http:// or https://", url);
    host = view_from(v, is_tls ? 8 : 7);
    if (host.len > 0 && host.at[host.len - 1] == '/')
        host.len--;
    if (host.len == 0 || view_index(host, '/') != SIZE_MAX || view_index(host, '@') != SIZE_MAX ||
        view_index(host, '?') != SIZE_MAX || view_index(host, ' ') != SIZE_MAX)
        return client_why(PS_ERR_INVALID, "endpoint '%s': not http(s)://HOST[:PORT]", url);
    s->is_tls = is_tls;
    snprintf(
        s->endpoint, sizeof(s->endpoint), "%s://%.*s", is_tls ? "https" : "http", VIEW_FMT(host));
    struct view port = is_tls ? VIEW(":443") : VIEW(":80");
    if (view_ends(host, port))
        host.len -= port.len;
    return PUT(host_header, host, "the endpoint");
}

enum ps_err client_settings_resolve(const struct ps_options *options, struct client_settings *s_out)
{
    static const struct ps_options none;
    struct sources from;
    struct client_settings *s = s_out;
    enum ps_err e;

    memset(s, 0, sizeof(*s));
    sources_init(&from, options ? options : &none);
    if (!from.credentials || !from.config) {
        sources_done(&from);
        return client_why(PS_ERR_NO_MEMORY, "out of memory");
    }
    take_limits(s, from.options);
    e = take_direct(s, from.options);
    if (!e)
        e = take_place(s, &from);
    if (!e)
        e = take_keys(s, &from);
    sources_done(&from);
    return e;
}
