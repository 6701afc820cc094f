/*
 * The SSL_CTX is made anew on every reload and swapped under a lock; sessions hold a reference to
 * the one they began with, so that a connection lives on with its old certificate.
 */
#include "net/tls_impl.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include <openssl/err.h>

struct tls_context {
    /* set once at start */
    char *cert_path, *key_path;
    /* any thread, under lock */
    pthread_mutex_t lock;
    SSL_CTX *ssl;
};

static int alpn_pick(
    SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
    unsigned in_len, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *picked;

    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&picked, out_len, ours, sizeof(ours) - 1, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL; /* RFC 7301 section 3.2 */
    *out = picked;
    return SSL_TLSEXT_ERR_OK;
}

static void why_put(struct buf *why_out, const char *what, const char *path)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    buf_printf(why_out, "%s %s: %s", what, path, reason ? reason : "not usable");
    ERR_clear_error();
}

static void ctx_settings(SSL_CTX *ssl)
{
    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    SSL_CTX_set_options(
        ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                 SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(
        ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF); /* tickets keep the state instead */
    SSL_CTX_set_num_tickets(ssl, 1);
    SSL_CTX_set_alpn_select_cb(ssl, alpn_pick, NULL);
}

static enum err ctx_new(const struct tls_context *T, SSL_CTX **ssl_out, struct buf *why_out)
{
    SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());

    ERR_clear_error();
    if (!ssl) {
        buf_put_str(why_out, "no memory for TLS");
        return ERR_NO_MEMORY;
    }
    ctx_settings(ssl);
    if (SSL_CTX_use_certificate_chain_file(ssl, T->cert_path) != 1) {
        why_put(why_out, "certificate", T->cert_path);
        goto undo_ctx;
    }
    if (SSL_CTX_use_PrivateKey_file(ssl, T->key_path, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(ssl) != 1) {
        why_put(why_out, "private key", T->key_path);
        goto undo_ctx;
    }
    *ssl_out = ssl;
    return ERR_OK;

undo_ctx:
    SSL_CTX_free(ssl);
    return ERR_INVALID;
}

enum err tls_context_new(
    const char *cert_path, const char *key_path, struct tls_context **context_out,
    struct buf *why_out)
{
    struct tls_context *T = calloc(1, sizeof(*T));
    enum err e = ERR_NO_MEMORY;

    if (!T)
        return ERR_NO_MEMORY;
    pthread_mutex_init(&T->lock, NULL);
    T->cert_path = strdup(cert_path);
    T->key_path = strdup(key_path);
    if (T->cert_path && T->key_path)
        e = ctx_new(T, &T->ssl, why_out);
    if (e) {
        tls_context_free(T);
        return e;
    }
    *context_out = T;
    return ERR_OK;
}

enum err tls_context_reload(struct tls_context *T, struct buf *why_out)
{
    SSL_CTX *fresh = NULL, *old;

    TRY(ctx_new(T, &fresh, why_out));
    pthread_mutex_lock(&T->lock);
    old = T->ssl;
    T->ssl = fresh;
    pthread_mutex_unlock(&T->lock);
    SSL_CTX_free(old);
    return ERR_OK;
}

void tls_context_free(struct tls_context *T)
{
    if (!T)
        return;
    SSL_CTX_free(T->ssl);
    pthread_mutex_destroy(&T->lock);
    free(T->cert_path);
    free(T->key_path);
    free(T);
}

SSL *tls_context_session(struct tls_context *T)
{
    SSL *session;

    pthread_mutex_lock(&T->lock);
    session = SSL_new(T->ssl); /* holds the SSL_CTX */
    pthread_mutex_unlock(&T->lock);
    if (session)
        SSL_set_accept_state(session);
    return session;
}
