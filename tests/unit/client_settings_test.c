/* Where endpoint, credentials and limits come from, and XML by path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <unistd.h>

#include "client/client_settings.h"
#include "client/client_why.h"
#include "client/client_xml.h"

static char folder[] = "/tmp/penstock-settings-XXXXXX";

static void write_file(const char *name, const char *text)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/.aws/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int setup(void **state)
{
    static const char *const names[] = {"AWS_ACCESS_KEY_ID",      "AWS_SECRET_ACCESS_KEY",
                                        "AWS_SESSION_TOKEN",      "AWS_REGION",
                                        "AWS_DEFAULT_REGION",     "AWS_ENDPOINT_URL_S3",
                                        "AWS_ENDPOINT_URL",       "AWS_PROFILE",
                                        "AWS_CA_BUNDLE",          "AWS_CONFIG_FILE",
                                        "PENSTOCK_CLIENT_DIRECT", "AWS_SHARED_CREDENTIALS_FILE"};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        unsetenv(names[i]);
    setenv("HOME", folder, 1);
    write_file(
        "credentials", "[default]\naws_access_key_id = AKFILE\naws_secret_access_key=s3cret=x\n"
                       "\n[other]\r\naws_access_key_id=AKOTHER\r\naws_secret_access_key=two\r\n"
                       "aws_session_token = token\r\n");
    write_file(
        "config", "# a comment\n[default]\nregion = eu-west-1\ns3 =\n  endpoint_url = http://no\n"
                  "[profile other]\nregion=us-west-2\nendpoint_url=https://store:444\n");
    return 0;
}

static void resolve(const struct ps_options *o, struct client_settings *s)
{
    enum ps_err e = client_settings_resolve(o, s);

    if (e)
        fail_msg("%s", client_why_text());
}

static void files_are_the_last_resort(void **state)
{
    struct client_settings s;

    (void)state;
    resolve(NULL, &s);
    assert_string_equal(s.access_key, "AKFILE");
    assert_string_equal(s.secret_key, "s3cret=x");
    assert_string_equal(s.session_token, "");
    assert_string_equal(s.region, "eu-west-1");
    assert_string_equal(s.endpoint, "https://s3.eu-west-1.amazonaws.com");
    assert_true(s.is_tls && s.connections == 16 && s.retries == 3 && s.timeout_ms == 30000);
    assert_int_equal(s.direct, PS_DIRECT_PREFER);
}

static void a_profile_is_taken_whole(void **state)
{
    struct client_settings s;

    (void)state;
    setenv("AWS_PROFILE", "other", 1);
    resolve(NULL, &s);
    assert_string_equal(s.access_key, "AKOTHER");
    assert_string_equal(s.secret_key, "two");
    assert_string_equal(s.session_token, "token");
    assert_string_equal(s.region, "us-west-2");
    assert_string_equal(s.host_header, "store:444");
    setenv("AWS_PROFILE", "absent", 1);
    assert_int_equal(client_settings_resolve(NULL, &s), PS_ERR_CREDENTIALS);
    assert_non_null(strstr(client_why_text(), "absent"));
}

static void the_environment_wins_over_files_and_options_over_it(void **state)
{
    struct ps_options o = {
        .access_key = "AKOPT", .secret_key = "opt", .endpoint = "http://there:1", .region = "r"};
    struct client_settings s;

    (void)state;
    setenv("AWS_ACCESS_KEY_ID", "AKENV", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "env", 1);
    setenv("AWS_SESSION_TOKEN", "envtoken", 1);
    setenv("AWS_DEFAULT_REGION", "second", 1);
    setenv("AWS_ENDPOINT_URL", "http://second", 1);
    resolve(NULL, &s);
    assert_string_equal(s.access_key, "AKENV");
    assert_string_equal(s.session_token, "envtoken");
    assert_string_equal(s.region, "second");
    assert_string_equal(s.host_header, "second");
    setenv("AWS_REGION", "first", 1);
    setenv("AWS_ENDPOINT_URL_S3", "http://first", 1);
    resolve(NULL, &s);
    assert_string_equal(s.region, "first");
    assert_string_equal(s.host_header, "first");
    resolve(&o, &s);
    assert_string_equal(s.access_key, "AKOPT");
    assert_string_equal(s.session_token, ""); /* not of another pair */
    assert_string_equal(s.endpoint, "http://there:1");
    assert_string_equal(s.region, "r");
}

static void the_direct_mode_comes_from_either(void **state)
{
    struct client_settings s;

    (void)state;
    setenv("PENSTOCK_CLIENT_DIRECT", "off", 1);
    resolve(NULL, &s);
    assert_int_equal(s.direct, PS_DIRECT_OFF);
    resolve(&(struct ps_options){.direct = PS_DIRECT_REQUIRE}, &s);
    assert_int_equal(s.direct, PS_DIRECT_REQUIRE);
    setenv("PENSTOCK_CLIENT_DIRECT", "perhaps", 1);
    assert_int_equal(client_settings_resolve(NULL, &s), PS_ERR_INVALID);
}

static void endpoints_are_checked(void **state)
{
    static const char *const bad[] = {"",           "host",       "ftp://host",      "http://",
                                      "http:///",   "http://a/b", "http://u:p@host", "http://a?b=c",
                                      "http://a b", "https://"};
    struct client_settings s;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        assert_int_equal(client_settings_endpoint(&s, bad[i]), PS_ERR_INVALID);
    assert_int_equal(client_settings_endpoint(&s, "HTTPS://[::1]:9000/"), PS_OK);
    assert_true(s.is_tls);
    assert_string_equal(s.host_header, "[::1]:9000");
    assert_int_equal(client_settings_endpoint(&s, "https://a:443"), PS_OK);
    assert_string_equal(s.host_header, "a"); /* as it is signed */
    assert_int_equal(client_settings_endpoint(&s, "http://a:443"), PS_OK);
    assert_string_equal(s.host_header, "a:443");
}

static void long_values_are_refused_not_cut(void **state)
{
    char key[1000];
    struct ps_options o = {.access_key = key, .secret_key = "x"};
    struct client_settings s;

    (void)state;
    memset(key, 'K', sizeof(key) - 1);
    key[sizeof(key) - 1] = '\0';
    assert_int_equal(client_settings_resolve(&o, &s), PS_ERR_INVALID);
}

static void an_ini_value_is_found_in_its_section_only(void **state)
{
    struct view text = VIEW("a = 0\n[x]\na=1\n[ y ]\n a = nested\nA = 2 \n;a=3\n[z]\nb\n=\na=");

    (void)state;
    assert_true(view_is(client_settings_ini(text, VIEW("x"), VIEW("a")), "1"));
    assert_true(view_is(client_settings_ini(text, VIEW("y"), VIEW("a")), "2"));
    assert_true(client_settings_ini(text, VIEW("z"), VIEW("a")).len == 0);
    assert_true(client_settings_ini(text, VIEW("z"), VIEW("b")).len == 0);
    assert_true(client_settings_ini(text, VIEW("w"), VIEW("a")).len == 0);
    assert_true(client_settings_ini(VIEW("["), VIEW(""), VIEW("a")).len == 0);
}

static void xml_is_read_by_path(void **state)
{
    struct view xml =
        VIEW("<?xml version=\"1.0\"?><a xmlns=\"u\"><b>1 &lt; 2</b><c><b>3</b></c></a>");
    char text[8];

    (void)state;
    assert_true(client_xml_text(xml, "a/b", text, sizeof(text)));
    assert_string_equal(text, "1 < 2");
    assert_true(client_xml_text(xml, "a/c/b", text, sizeof(text)));
    assert_string_equal(text, "3");
    assert_false(client_xml_text(xml, "a/d", text, sizeof(text)));
}

static void ignore(void *ctx, const char *path, struct view text)
{
    (void)ctx, (void)path, (void)text;
}

static void hostile_xml_is_refused(void **state)
{
    char deep[4000];
    size_t n = 0;

    (void)state;
    while (n < sizeof(deep) - 3)
        n += (size_t)snprintf(deep + n, 4, "<a>");
    assert_false(client_xml_read(view_of(deep, n), ignore, NULL));
    assert_false(client_xml_read(VIEW("<a><b></a>"), ignore, NULL));
    assert_false(client_xml_read(VIEW(""), ignore, NULL));
    assert_false(client_xml_read(VIEW("<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>"), ignore, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(files_are_the_last_resort, setup),
        cmocka_unit_test_setup(a_profile_is_taken_whole, setup),
        cmocka_unit_test_setup(the_environment_wins_over_files_and_options_over_it, setup),
        cmocka_unit_test_setup(the_direct_mode_comes_from_either, setup),
        cmocka_unit_test_setup(endpoints_are_checked, setup),
        cmocka_unit_test_setup(long_values_are_refused_not_cut, setup),
        cmocka_unit_test(an_ini_value_is_found_in_its_section_only),
        cmocka_unit_test(xml_is_read_by_path),
        cmocka_unit_test(hostile_xml_is_refused),
    };
    char command[128];

    if (!mkdtemp(folder))
        return 1;
    snprintf(command, sizeof(command), "mkdir %s/.aws", folder);
    if (system(command))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command) ? 1 : failed;
}
