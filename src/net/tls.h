/* TLS settings shared by all reactors: certificate and key, replaced as a whole on SIGHUP. */
#ifndef PENSTOCK_NET_TLS_H
#define PENSTOCK_NET_TLS_H

#include "base/bytes.h"

struct tls_context;
/* PEM files; TLS 1.2 and later. On failure why_out gets a sentence that names the file. */
enum err tls_context_new(
    const char *cert_path, const char *key_path, struct tls_context **context_out,
    struct buf *why_out) MUST_CHECK;
/* Reads the files again; on failure the old certificate stays. Blocking: start-up or work thread.
 */
enum err tls_context_reload(struct tls_context *T, struct buf *why_out) MUST_CHECK;
void tls_context_free(struct tls_context *T);

#endif
