/* Listening sockets from text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/listen.h"

static char where_bytes[128], why_bytes[256];
static struct buf where, why;

static enum err open_at(const char *spec, enum listen_share share, int *fd_out)
{
    where = buf_over(where_bytes, sizeof(where_bytes) - 1);
    why = buf_over(why_bytes, sizeof(why_bytes) - 1);
    memset(where_bytes, 0, sizeof(where_bytes));
    memset(why_bytes, 0, sizeof(why_bytes));
    return listen_open(view_str(spec), share, fd_out, &where, &why);
}

static void a_free_port_is_picked_named_and_reachable(void **state)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd, client, conn;

    (void)state;
    assert_int_equal(open_at("127.0.0.1:0", LISTEN_ALONE, &fd), ERR_OK);
    assert_memory_equal(where_bytes, "127.0.0.1:", 10);
    to.sin_port = htons((uint16_t)atoi(where_bytes + 10));
    assert_int_not_equal(to.sin_port, 0);
    assert_int_equal(accept(fd, NULL, NULL), -1); /* non-blocking */
    assert_true(errno == EAGAIN);
    client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof(to)), 0);
    conn = accept(fd, NULL, NULL);
    assert_true(conn >= 0);
    close(conn);
    close(client);
    close(fd);
}

static void names_and_wildcards_are_understood(void **state)
{
    static const char *const specs[] = {"localhost:0", ":0", "0.0.0.0:0"};
    int fd;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(specs); i++) {
        assert_int_equal(open_at(specs[i], LISTEN_ALONE, &fd), ERR_OK);
        assert_true(where.len > 0);
        close(fd);
    }
}

static void what_is_no_address_is_refused_with_a_reason(void **state)
{
    static const char *const specs[] = {
        "",
        "localhost",
        "127.0.0.1:",
        "127.0.0.1:http",
        "127.0.0.1:-1",
        "127.0.0.1:123456",
        "127.0.0.1:99999",
        "[::1]",
        "[::1:9000",
        "[::1]9000",
        "::1:9000",
        "999.1.1.1:0:1",
    };
    int fd;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(specs); i++) {
        if (open_at(specs[i], LISTEN_ALONE, &fd) == ERR_OK)
            fail_msg("accepted: %s", specs[i]);
        assert_true(why.len > 0);
    }
}

static void a_taken_port_is_refused_unless_shared(void **state)
{
    int first, second;
    char spec[128];

    (void)state;
    assert_int_equal(open_at("127.0.0.1:0", LISTEN_ALONE, &first), ERR_OK);
    snprintf(spec, sizeof(spec), "%s", where_bytes);
    assert_int_not_equal(open_at(spec, LISTEN_ALONE, &second), ERR_OK);
    assert_true(why.len > 0);
    close(first);

    assert_int_equal(open_at("127.0.0.1:0", LISTEN_FIRST, &first), ERR_OK);
    snprintf(spec, sizeof(spec), "%s", where_bytes);
    assert_int_equal(open_at(spec, LISTEN_FURTHER, &second), ERR_OK);
    assert_string_equal(where_bytes, spec);
    close(first);
    close(second);
}

/* Another server of the same user would get half of the connections otherwise. */
static void a_shared_port_is_no_port_for_another_first(void **state)
{
    int first, second, third;
    char spec[128];

    (void)state;
    assert_int_equal(open_at("127.0.0.1:0", LISTEN_FIRST, &first), ERR_OK);
    snprintf(spec, sizeof(spec), "%s", where_bytes);
    assert_int_equal(open_at(spec, LISTEN_FURTHER, &second), ERR_OK);
    assert_int_not_equal(open_at(spec, LISTEN_FIRST, &third), ERR_OK);
    assert_int_not_equal(open_at(spec, LISTEN_ALONE, &third), ERR_OK);
    assert_true(why.len > 0);
    close(first);
    close(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_free_port_is_picked_named_and_reachable),
        cmocka_unit_test(names_and_wildcards_are_understood),
        cmocka_unit_test(what_is_no_address_is_refused_with_a_reason),
        cmocka_unit_test(a_taken_port_is_refused_unless_shared),
        cmocka_unit_test(a_shared_port_is_no_port_for_another_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
