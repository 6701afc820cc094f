/* A server: does it answer, how far apart are the clocks, do the credentials work, is there a
 * direct way. The Date header comes from a plain HEAD, which needs no credentials. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/doctor.h"

struct date {
    int64_t ms;
    bool is_known;
};

static size_t on_header(char *at, size_t size, size_t count, void *user)
{
    struct view line = view_of(at, size * count);
    struct date *date = user;

    if (view_starts_nocase(line, VIEW("date:"))) {
        struct view value = view_from(line, 5);
        while (value.len > 0 &&
               (value.at[value.len - 1] == '\r' || value.at[value.len - 1] == '\n'))
            value.len--;
        date->is_known = text_to_http_date(view_trim(value), &date->ms) == ERR_OK;
    }
    return size * count;
}

/* Curl's text of what went wrong, or NULL. */
static const char *ask(const char *url, const struct ps_options *o, struct date *date)
{
    CURL *curl = curl_easy_init();

    if (!curl)
        return "out of memory";
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 10000L);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, date);
    if (o->ca_file)
        (void)curl_easy_setopt(curl, CURLOPT_CAINFO, o->ca_file);
    if (o->insecure) {
        (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    CURLcode code = curl_easy_perform(curl);
    curl_easy_cleanup(curl);
    return code == CURLE_OK ? NULL : curl_easy_strerror(code);
}

static void say_skew(struct doctor *d, const struct date *date, int64_t before, int64_t after)
{
    /* Date has whole seconds: the server's clock was anywhere in that second. */
    double skew_s = (double)(date->ms + 500 - (before + after) / 2) / 1000;
    double far = skew_s < 0 ? -skew_s : skew_s;

    if (!date->is_known) {
        doctor_say(d, "skew", DOCTOR_WARN, NULL, "the server sends no Date");
        return;
    }
    if (far > 900)
        d->failures++;
    doctor_say(
        d, "skew",
        far > 900 ? DOCTOR_OFF
        : far > 5 ? DOCTOR_WARN
                  : DOCTOR_OK,
        far > 5 ? "set the clocks: S3 refuses requests when they are 15 minutes apart" : NULL,
        "the server's clock is %.1f s %s this one", far, skew_s < 0 ? "behind" : "ahead of");
}

static int count_bucket(const struct ps_entry *e, void *user)
{
    (void)e;
    ++*(unsigned *)user;
    return 0;
}

static void try_client(struct doctor *d, const struct ps_options *o)
{
    struct ps_client *client = NULL;
    struct ps_result result = {0};
    unsigned buckets = 0;

    if (ps_connect(o, &client) != PS_OK) {
        d->failures++;
        doctor_say(
            d, "credentials", DOCTOR_OFF, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or ~/.aws",
            "%s", ps_client_error());
        return;
    }
    if (ps_list(client, NULL, NULL, NULL, count_bucket, &buckets, &result) != PS_OK) {
        d->failures++;
        doctor_say(
            d, "credentials", DOCTOR_OFF, "check the keys and the region", "%s%s%s", result.code,
            result.code[0] ? ": " : "", result.message[0] ? result.message : ps_client_error());
    } else {
        doctor_say(d, "credentials", DOCTOR_OK, NULL, "work; %u buckets", buckets);
        const char *direct = ps_client_direct(client);
        bool is_on = strncmp(direct, "none", 4) != 0;
        doctor_say(d, "direct", is_on ? DOCTOR_OK : DOCTOR_WARN, NULL, "%s", direct);
    }
    ps_disconnect(client);
}

void doctor_endpoint(struct doctor *d, const struct ps_options *o)
{
    const char *places[] = {o->endpoint, getenv("AWS_ENDPOINT_URL_S3"), getenv("AWS_ENDPOINT_URL")};
    const char *url = NULL;
    struct date date = {0};

    for (size_t i = 0; i < ARRAY_COUNT(places) && !url; i++)
        url = places[i] && places[i][0] ? places[i] : NULL;
    if (!url)
        return;
    int64_t before = clock_wall_ms();
    const char *why = ask(url, o, &date);
    if (why) {
        d->failures++;
        doctor_say(
            d, "endpoint", DOCTOR_OFF, "is it running, is the port open?", "%s: %s", url, why);
        return;
    }
    doctor_say(d, "endpoint", DOCTOR_OK, NULL, "%s answers", url);
    say_skew(d, &date, before, clock_wall_ms());
    try_client(d, o);
}
