#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cidr.h"

static bool has(const char *network, const char *address)
{
    struct cidr c;

    assert_int_equal(cidr_parse(view_str(network), &c), ERR_OK);
    return cidr_has(&c, view_str(address));
}

static void networks_have_their_addresses(void **state)
{
    assert_true(has("10.0.0.0/8", "10.255.0.1"));
    assert_false(has("10.0.0.0/8", "11.0.0.1"));
    assert_true(has("192.168.5.128/25", "192.168.5.200"));
    assert_false(has("192.168.5.128/25", "192.168.5.100"));
    assert_true(has("192.168.5.129/25", "192.168.5.200")); /* bits behind the prefix do not count */
    assert_true(has("127.0.0.1", "127.0.0.1"));
    assert_false(has("127.0.0.1", "127.0.0.2"));
    assert_true(has("0.0.0.0/0", "8.8.8.8"));
    assert_false(has("0.0.0.0/0", "2001:db8::1"));
    assert_true(has("::/0", "8.8.8.8"));
    assert_true(has("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(has("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(has("10.0.0.0/8", "::ffff:10.1.2.3"));
}

static void what_is_no_address_is_in_no_network(void **state)
{
    assert_false(has("::/0", ""));
    assert_false(has("::/0", "unix"));
    assert_false(has("::/0", "10.0.0.1:80"));
    assert_false(has("::/0", "10.0.0"));
}

static void malformed_networks_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "/8",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "::/129",
        "10.0.0/8",
        "host/8",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee:ffff:0000"};
    struct cidr c;

    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        assert_int_equal(cidr_parse(view_str(texts[i]), &c), ERR_MALFORMED);
    assert_int_equal(cidr_parse(VIEW("10.0.0.0\0/8"), &c), ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_have_their_addresses),
        cmocka_unit_test(what_is_no_address_is_in_no_network),
        cmocka_unit_test(malformed_networks_are_refused),
    };
    return cmocka_run_group_tests_name("cidr", tests, NULL, NULL);
}
