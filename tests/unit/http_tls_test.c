/* The server over TLS: the same requests, the handshake's failures, and a changing certificate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "http_rig.h"
#include "net/tls.h"

#define H "Host: h\r\n"

static char folder[] = "/tmp/penstock-tls-XXXXXX";
static char cert_path[64], key_path[64];
static struct tls_context *tls;
static struct rig rig;
static struct rig_client client;
static SSL_CTX *client_ctx;
static enum ring_kind ring;

static void write_pem(const char *path, X509 *cert, EVP_PKEY *key)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    if (cert)
        assert_int_equal(PEM_write_X509(f, cert), 1);
    else
        assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(f);
}

static void make_certificate(const char *name)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();

    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(
        X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    write_pem(cert_path, cert, NULL);
    write_pem(key_path, NULL, key);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void spoil(const char *path)
{
    FILE *f = fopen(path, "w");

    fputs("not a certificate\n", f);
    fclose(f);
}

static void connect_raw(void)
{
    rig_connect(&rig, &client);
    client.ssl = SSL_new(client_ctx);
    SSL_set_fd(client.ssl, client.fd);
    assert_int_equal(fcntl(client.fd, F_SETFL, O_NONBLOCK), 0);
}

static bool shake(void)
{
    int n;

    for (int i = 0; i < 100000; i++)
        if ((n = rig_shake(&client)) != 0)
            return n > 0;
    fail_msg("the handshake does not end");
    return false;
}

static void start(const struct http_server_config *config)
{
    char why_bytes[256];
    struct buf why = buf_over(why_bytes, sizeof(why_bytes));

    make_certificate("first");
    assert_int_equal(tls_context_new(cert_path, key_path, &tls, &why), ERR_OK);
    if (!rig_start(&rig, ring, config, tls)) {
        tls_context_free(tls);
        skip();
    }
    client_ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(
        client_ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

static void stop(void)
{
    if (client.rig)
        rig_close(&client);
    rig_stop(&rig);
    SSL_CTX_free(client_ctx);
    tls_context_free(tls);
}

static void expect_pattern(size_t len)
{
    struct view v = rig_answer(&client, 200);
    uint8_t *want = malloc(len + 1);

    rig_pattern(want, len, 0);
    assert_int_equal(v.len, len);
    assert_memory_equal(v.at, want, len);
    free(want);
    rig_forget(&client, (size_t)(v.at + v.len - client.got));
}

static void requests_work_with_each_version(int version)
{
    start(NULL);
    SSL_CTX_set_min_proto_version(client_ctx, version);
    SSL_CTX_set_max_proto_version(client_ctx, version);
    connect_raw();
    assert_true(shake());
    for (int i = 0; i < 3; i++) {
        rig_text(&client, "GET /size?n=5000 HTTP/1.1\r\n" H "\r\n");
        expect_pattern(5000);
    }
    assert_int_equal(rig_metric(&rig, METRIC_TLS_FAILED), 0);
    stop();
}

static void requests_work_over_tls_1_2(void **state)
{
    (void)state;
    requests_work_with_each_version(TLS1_2_VERSION);
}

static void requests_work_over_tls_1_3(void **state)
{
    (void)state;
    requests_work_with_each_version(TLS1_3_VERSION);
}

static void large_bodies_go_both_ways(void **state)
{
    const size_t n = 3 << 20;
    uint8_t *bytes = malloc(n);

    (void)state;
    rig_pattern(bytes, n, 0);
    start(NULL);
    connect_raw();
    assert_true(shake());
    rig_text(&client, "PUT /echo?piece=700000 HTTP/1.1\r\n" H "Content-Length: 3145728\r\n\r\n");
    rig_send(&client, bytes, n);
    expect_pattern(n);
    rig_text(&client, "GET /size?n=16000000&piece=1000000 HTTP/1.1\r\n" H "\r\n");
    for (int i = 0; i < 100; i++)
        rig_turn(&rig); /* nobody reads; more than the sockets hold */
    assert_int_equal(rig.ended, 1);
    expect_pattern(16000000);
    free(bytes);
    stop();
}

static void pipelined_requests_share_a_record(void **state)
{
    (void)state;
    start(NULL);
    connect_raw();
    assert_true(shake());
    rig_text(
        &client,
        "PUT /echo HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\none"
        "PUT /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n"
        "GET /chunked?n=9&piece=4 HTTP/1.1\r\n" H "\r\n");
    rig_wait_text(&client, "\r\n\r\none");
    rig_wait_text(&client, "\r\n\r\ntwo");
    rig_wait_text(&client, "\r\n0\r\n\r\n");
    stop();
}

static void an_end_is_announced(void **state)
{
    (void)state;
    start(NULL);
    connect_raw();
    assert_true(shake());
    rig_text(&client, "GET /close HTTP/1.1\r\n" H "\r\n");
    rig_wait_closed(&client); /* by close-notify: see client_recv_tls */
    assert_true(rig_has(&client, "\r\n\r\nbye"));
    stop();
}

static void continue_works_over_tls(void **state)
{
    (void)state;
    start(NULL);
    connect_raw();
    assert_true(shake());
    rig_text(
        &client, "PUT /echo HTTP/1.1\r\n" H "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    rig_wait_text(&client, "HTTP/1.1 100 Continue\r\n\r\n");
    rig_text(&client, "abc");
    rig_wait_text(&client, "\r\n\r\nabc");
    stop();
}

static void http_1_1_is_chosen_and_nothing_else(void **state)
{
    static const unsigned char both[] = "\x02h2\x08http/1.1", only_h2[] = "\x02h2";
    const unsigned char *picked;
    unsigned len;

    (void)state;
    start(NULL);
    connect_raw();
    SSL_set_alpn_protos(client.ssl, both, sizeof(both) - 1);
    assert_true(shake());
    SSL_get0_alpn_selected(client.ssl, &picked, &len);
    assert_int_equal(len, 8);
    assert_memory_equal(picked, "http/1.1", 8);
    rig_text(&client, "GET /size?n=1 HTTP/1.1\r\n" H "\r\n");
    expect_pattern(1);
    rig_close(&client);
    connect_raw();
    SSL_set_alpn_protos(client.ssl, only_h2, sizeof(only_h2) - 1);
    assert_false(shake());
    assert_int_equal(rig_metric(&rig, METRIC_TLS_FAILED), 1);
    stop();
}

static void an_old_version_is_refused_and_counted(void **state)
{
    (void)state;
    start(NULL);
    SSL_CTX_set_security_level(client_ctx, 0);
    SSL_CTX_set_min_proto_version(client_ctx, TLS1_1_VERSION);
    SSL_CTX_set_max_proto_version(client_ctx, TLS1_1_VERSION);
    connect_raw();
    assert_false(shake());
    assert_int_equal(rig_metric(&rig, METRIC_TLS_FAILED), 1);
    assert_int_equal(rig.handled, 0);
    stop();
}

static void until_gone(void)
{
    for (int i = 0; i < 100000 && http_server_conns(rig.server); i++)
        rig_turn(&rig);
    assert_int_equal(http_server_conns(rig.server), 0);
}

static void plain_http_on_a_tls_port_is_refused_and_counted(void **state)
{
    (void)state;
    start(NULL);
    rig_connect(&rig, &client);
    rig_text(&client, "GET / HTTP/1.1\r\n" H "\r\n");
    until_gone();
    assert_int_equal(rig_metric(&rig, METRIC_TLS_FAILED), 1);
    assert_int_equal(rig.handled, 0);
    stop();
}

static void a_silent_client_is_not_a_failed_handshake(void **state)
{
    (void)state;
    start(NULL);
    rig_connect(&rig, &client);
    rig_turn(&rig);
    rig_close(&client);
    for (int i = 0; i < 100; i++)
        rig_turn(&rig);
    until_gone();
    assert_int_equal(rig_metric(&rig, METRIC_TLS_FAILED), 0);
    stop();
}

static void a_client_may_leave_in_any_state(void **state)
{
    static const char *const texts[] = {
        "",
        "GET / HT",
        "PUT /echo HTTP/1.1\r\n" H "Content-Length: 100000\r\n\r\nabc",
        "GET /size?n=50000000&piece=1000000 HTTP/1.1\r\n" H "\r\n",
        "PUT /early HTTP/1.1\r\n" H "Content-Length: 10000000\r\n\r\nabc",
        "GET /nothing HTTP/1.1\r\n" H "\r\n",
    };

    (void)state;
    start(NULL);
    for (int steps = 0; steps < 4; steps++) { /* of the handshake */
        connect_raw();
        for (int i = 0; i < steps; i++)
            (void)rig_shake(&client);
        if (steps & 1)
            rig_reset(&client);
        else
            rig_close(&client);
    }
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        for (int turns = 0; turns < 12; turns += 3) {
            connect_raw();
            assert_true(shake());
            rig_text(&client, texts[i]);
            for (int t = 0; t < turns; t++)
                rig_turn(&rig);
            if (turns & 1)
                rig_reset(&client);
            else
                rig_close(&client);
        }
    }
    until_gone();
    stop();
}

static void a_silent_handshake_times_out(void **state)
{
    const struct http_server_config config = {.head_timeout_ms = 1};

    (void)state;
    start(&config);
    rig_connect(&rig, &client);
    rig_wait_closed(&client);
    stop();
}

static void a_client_that_reads_nothing_times_out(void **state)
{
    const struct http_server_config config = {.body_timeout_ms = 1};

    (void)state;
    start(&config);
    connect_raw();
    assert_true(shake());
    rig_text(&client, "GET /size?n=80000000&piece=8000000 HTTP/1.1\r\n" H "\r\n");
    for (int i = 0; i < 100000 && !rig.ended; i++)
        rig_turn(&rig);
    assert_int_equal(rig.last_send_err, ERR_TIMEOUT);
    rig_close(&client);
    until_gone();
    stop();
}

static void expect_name(const char *want)
{
    X509 *cert = SSL_get_peer_certificate(client.ssl);
    char name[64] = "";

    assert_non_null(cert);
    X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name, sizeof(name));
    assert_string_equal(name, want);
    X509_free(cert);
}

static void a_new_certificate_is_for_new_connections(void **state)
{
    struct rig_client old;
    char why_bytes[256];
    struct buf why = buf_over(why_bytes, sizeof(why_bytes));

    (void)state;
    start(NULL);
    connect_raw();
    assert_true(shake());
    expect_name("first");
    old = client;

    make_certificate("second");
    assert_int_equal(tls_context_reload(tls, &why), ERR_OK);
    connect_raw();
    assert_true(shake());
    expect_name("second");
    rig_close(&client);

    client = old;
    rig_text(&client, "GET /size?n=10 HTTP/1.1\r\n" H "\r\n");
    expect_pattern(10);
    rig_close(&client);

    /* A broken file: told why, the old certificate stays. */
    spoil(cert_path);
    assert_int_equal(tls_context_reload(tls, &why), ERR_INVALID);
    assert_true(view_find(buf_view(&why), view_str(cert_path)) != SIZE_MAX);
    connect_raw();
    assert_true(shake());
    expect_name("second");
    stop();
}

static void unusable_files_are_named(void **state)
{
    struct tls_context *none;
    char why_bytes[256], kept[80];
    struct buf why;

    (void)state;
    snprintf(kept, sizeof(kept), "%s.kept", cert_path);
    make_certificate("first");
    spoil(key_path);
    why = buf_over(why_bytes, sizeof(why_bytes));
    assert_int_equal(tls_context_new(cert_path, key_path, &none, &why), ERR_INVALID);
    assert_true(view_find(buf_view(&why), view_str(key_path)) != SIZE_MAX);
    why = buf_over(why_bytes, sizeof(why_bytes));
    assert_int_equal(tls_context_new("/nonexistent", key_path, &none, &why), ERR_INVALID);
    assert_true(view_find(buf_view(&why), VIEW("/nonexistent")) != SIZE_MAX);
    /* A key of another certificate. */
    make_certificate("first");
    assert_int_equal(rename(cert_path, kept), 0);
    make_certificate("second");
    assert_int_equal(rename(kept, cert_path), 0);
    why = buf_over(why_bytes, sizeof(why_bytes));
    assert_int_equal(tls_context_new(cert_path, key_path, &none, &why), ERR_INVALID);
    assert_true(why.len > 0);
}

static int on_uring(void **state)
{
    (void)state;
    ring = RING_URING;
    return 0;
}

static int on_epoll(void **state)
{
    (void)state;
    ring = RING_EPOLL;
    return 0;
}

#define BOTH(f)                                                                                    \
    {#f " (io_uring)", f, on_uring, NULL, NULL},                                                   \
    {                                                                                              \
#f " (epoll)", f, on_epoll, NULL, NULL                                                     \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(requests_work_over_tls_1_2),
        BOTH(requests_work_over_tls_1_3),
        BOTH(large_bodies_go_both_ways),
        BOTH(pipelined_requests_share_a_record),
        BOTH(an_end_is_announced),
        BOTH(continue_works_over_tls),
        BOTH(http_1_1_is_chosen_and_nothing_else),
        BOTH(an_old_version_is_refused_and_counted),
        BOTH(plain_http_on_a_tls_port_is_refused_and_counted),
        BOTH(a_silent_client_is_not_a_failed_handshake),
        BOTH(a_client_may_leave_in_any_state),
        BOTH(a_silent_handshake_times_out),
        BOTH(a_client_that_reads_nothing_times_out),
        BOTH(a_new_certificate_is_for_new_connections),
        cmocka_unit_test(unusable_files_are_named),
    };
    int failed;

    if (!mkdtemp(folder))
        return 1;
    snprintf(cert_path, sizeof(cert_path), "%s/cert.pem", folder);
    snprintf(key_path, sizeof(key_path), "%s/key.pem", folder);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(cert_path);
    unlink(key_path);
    rmdir(folder);
    return failed;
}
